#!/system/bin/sh
# PID 1 of the phone: settings, swap, network, the framework; then adbd, for ever. early.c has mounted everything.
#
# Start as few programs here as can be: each takes 0.1 s under emulation.
# droid.NAME=VALUE on the kernel's command line becomes DROID_NAME (droid.root=su: DROID_ROOT=su).
export PATH=/system/bin:/system/xbin

read_settings() {
	typeset -u name
	DROID_ROOT=adbd DROID_API=34 DROID_ZRAM=0 DROID_WRITEBACK=0 DROID_ABI=x86_64
	for word in $(</proc/cmdline); do
		[[ $word = droid.*=* ]] || continue
		word=${word#droid.}
		name=${word%%=*}
		eval "DROID_$name=\${word#*=}"
		export "DROID_$name"
	done
	export DROID_ROOT DROID_API DROID_ZRAM DROID_WRITEBACK
}

# A file that stands for flash: zram takes a backing device before it has a size.
back_zram() {
	truncate -s "$DROID_ZRAM" /data/zram_writeback
	losetup /dev/loop0 /data/zram_writeback
	echo /dev/loop0 > /sys/block/zram0/backing_dev
}

# From Android 15 on the zygote makes each app process a cgroup; Android 17's limiter needs its memory controller.
make_groups() {
	[ "$DROID_API" -ge 35 ] || return
	mkdir /sys/fs/cgroup/apps
	[ "$DROID_API" -ge 37 ] || return
	echo +memory > /sys/fs/cgroup/cgroup.subtree_control
	echo +memory > /sys/fs/cgroup/apps/cgroup.subtree_control
}

# Numbers of an Android phone of this RAM: lowmemorykiller decides, so let the kernel overcommit; no readahead from zram.
tune_memory() {
	echo madvise > /sys/kernel/mm/transparent_hugepage/enabled
	echo 1 > /proc/sys/vm/overcommit_memory
	echo 100 > /proc/sys/vm/swappiness
	echo 0 > /proc/sys/vm/page-cluster
	echo 0 > /proc/sys/kernel/dmesg_restrict
	[ "$DROID_ZRAM" -gt 0 ] || return
	[ "$DROID_WRITEBACK" = 1 ] && back_zram
	echo lz4 > /sys/block/zram0/comp_algorithm
	echo "$DROID_ZRAM" > /sys/block/zram0/disksize
	mkswap /dev/block/zram0 > /dev/null
	swapon /dev/block/zram0
}

start_network() {
	ifconfig lo 127.0.0.1 up
	ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up
	echo localhost > /proc/sys/kernel/hostname
}

# Who may become root, and how: `su` reads its behaviour from a file of root's.
set_up_root() {
	ADBD_USER=shell ADBD_BUILD=user
	case $DROID_ROOT in
	adbd) ADBD_USER=root ADBD_BUILD=userdebug ;;
	su0) ADBD_BUILD=userdebug ;;
	esac
	case $DROID_ROOT in
	adbd | none) rm -f /system/bin/su ;;
	*) umask 077; echo "$DROID_ROOT" > /data/adb/su; umask 022 ;;
	esac
}

write_build_prop() {
	typeset api=$1 releases="28=9 29=10 30=11 31=12 32=12 33=13 34=14 35=15 36=16 37=17" release= pair debuggable=0
	for pair in $releases; do
		[ "${pair%=*}" = "$api" ] && release=${pair#*=}
	done
	[ $ADBD_BUILD = userdebug ] && debuggable=1
	cat > /system/build.prop <<-END
	ro.build.version.sdk=$api
	ro.build.version.release=$release
	ro.build.type=$ADBD_BUILD
	ro.debuggable=$debuggable
	ro.product.name=pocket
	ro.product.model=Pocket Phone
	ro.product.device=pocket
	ro.product.manufacturer=droidreclaim
	ro.product.cpu.abi=$DROID_ABI
	ro.product.cpu.abilist=$DROID_ABI
	ro.product.cpu.abilist64=$DROID_ABI
	ro.hardware=qemu
	ro.kernel.qemu=1
	END
}

# adbd and all it starts share a cgroup, whose processes are killed when adbd ends. adbd's exit code says why it ended.
run_adbd() {
	typeset group=/sys/fs/cgroup/adbd code
	mkdir $group
	while :; do
		(
			echo 0 > $group/cgroup.procs
			echo -1000 > /proc/self/oom_score_adj
			exec setsid /usr/bin/python3 -E -S -m adbd $ADBD_BUILD $ADBD_USER
		) < /dev/null
		code=$?
		echo 1 > $group/cgroup.kill
		case $code in
		10) ADBD_USER=root ;;
		11) ADBD_USER=shell ;;
		12) restart_phone ;;
		*) echo "init: adbd ended with $code"; sleep 1 ;;
		esac
	done
}

restart_phone() {
	sync
	echo b > /proc/sysrq-trigger
}

echo "init: $(uname -r)"
read_settings
start_network
set_up_root
write_build_prop "$DROID_API"
tune_memory
make_groups
trap restart_phone TERM
cd /system
if [ -x /system/bin/start-framework ]; then
	setsid /system/bin/start-framework < /dev/null &
else
	echo 1 > /dev/__properties__/sys.boot_completed
	cat > /system/bin/getprop <<-'END'
	#!/system/bin/sh
	cat "/dev/__properties__/$1" 2>/dev/null || sed -n "s/^$1=//p" /system/build.prop
	END
	chmod 755 /system/bin/getprop
fi
run_adbd
