"""The demo: one game, other apps, too little memory; once with lowmemorykiller, once with us."""
