#!/system/bin/sh
# uiautomator dump [--compressed] [FILE]: the views on the screen, as XML. An error is told with exit status 0, as Android does.

[ "$1" = dump ] || { echo "Usage: uiautomator dump [--compressed] [FILE]" >&2; exit 1; }
shift
[ "$1" = --compressed ] && shift
file=${1:-/data/local/tmp/window_dump.xml}
if views=$(pocket ui); then
	print -r -- "$views" > "$file" && echo "UI hierchary dumped to: $file"
else
	echo "ERROR: null root node returned by UiTestAutomationBridge." >&2
fi
