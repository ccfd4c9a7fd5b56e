"""The demo: a game, other apps, too little memory; once with lowmemorykiller, once with us too."""
