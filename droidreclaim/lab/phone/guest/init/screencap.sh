#!/system/bin/sh
# screencap [-p] [FILE]: the screen as PNG.

for word; do
	case $word in
	-*) ;;
	*) exec > "$word" || exit 1 ;;
	esac
done
exec pocket screen
