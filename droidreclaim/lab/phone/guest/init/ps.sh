#!/system/bin/sh
# ps with the columns of Android's (toybox ps.c, TOYBOX_ON_ANDROID), where no others are asked for.

for word; do
	case $word in
	-*[oflTZ]*) exec /system/bin/toybox ps "$@" ;;
	esac
done
exec /system/bin/toybox ps -o USER,PID,PPID,VSZ,RSS,WCHAN:10,ADDR:10,S,NAME "$@"
