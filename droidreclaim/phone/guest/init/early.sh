#!/bin/sh
# First program of the phone, in the initramfs: load the drivers, mount the disk, lay our own files over it.
# The disk holds Debian's packages and changes rarely; our files come with each boot.
PATH=/bin
mount -t proc proc /proc
mount -t devtmpfs dev /dev
while read -r module; do
	insmod "/modules/$module" || echo "init: $module not loaded"
done < /modules/order

if grep -q droid.probe /proc/cmdline; then
	echo "init: probe answered"
	echo o > /proc/sysrq-trigger
	sleep 60
fi

mount -t ext4 /dev/vda /root
cp -a /overlay/. /root/
umount /proc
mount --move /dev /root/dev
exec switch_root /root /system/bin/init
