"""Whole bug reports as dumpstate of each release writes them: one table of titles, short bodies."""

from __future__ import annotations

# Per section: title and command by the releases from..to that print it, and a key of BODIES; in
# the order and words of AOSP's dumpstate (of its branches for 5.1, 6, 7.1, 8.1, 9 to 15).
_LOGCAT = "logcat -v threadtime{v} -d *:v"
_EVENTS = "logcat -b events -v threadtime{v} -d *:v"
_RADIO = "logcat -b radio -v threadtime{v} -d *:v"
_UID = " -v printable -v uid"
_TOP = "top -b -n 1 -H -s 6 -o pid,tid,user,pr,ni,%cpu,s,virt,res,pcy,cmd,name"
SECTIONS = (
    (9, 16, "DUMPSYS CRITICAL (/system/bin/dumpsys)", "dumpsys"),
    (5, 16, "UPTIME (uptime)", ""),
    (5, 16, "MEMORY INFO (/proc/meminfo)", "meminfo"),
    (5, 6, "CPU INFO (top -n 1 -d 1 -m 30 -t)", "top"),
    (7, 7, "CPU INFO (top -n 1 -d 1 -m 30 -H)", "top"),
    (8, 16, f"CPU INFO ({_TOP})", "top"),
    (5, 5, "PROCRANK (procrank)", "failed"),
    (6, 7, "PROCRANK (/system/xbin/su root procrank)", "failed"),
    (8, 13, "PROCRANK (su root procrank)", "failed"),
    (5, 16, "VIRTUAL MEMORY STATS (/proc/vmstat)", "vmstat"),
    (5, 16, "ZONEINFO (/proc/zoneinfo)", "zoneinfo"),
    (5, 16, "PAGETYPEINFO (/proc/pagetypeinfo)", "failed"),
    (5, 6, "PROCESSES (ps -P)", "toolbox"),
    (5, 6, "PROCESSES AND THREADS (ps -t -p -P)", "threads"),
    (5, 6, "PROCESSES (SELINUX LABELS) (ps -Z)", "labels"),
    (7, 7, "PROCESSES AND THREADS (ps -Z -t -p -P)", "threads"),
    (8, 8, "PROCESSES AND THREADS (ps -A -T -Z -O pri,nice,rtprio,sched,pcy)", "toybox"),
    (9, 16, "PROCESSES AND THREADS (ps -A -T -Z -O pri,nice,rtprio,sched,pcy,time)", "toybox"),
    (9, 16, f"KERNEL LOG (logcat -b kernel -v threadtime{_UID} -d *:v)", "kernel"),
    (5, 16, "KERNEL LOG (dmesg)", "dmesg"),
    (5, 7, "SHOW MAP 30 (logcat) (/system/xbin/su root showmap 30)", "failed"),
    (8, 13, "SHOW MAP 30 (logcat) (su root showmap -q 30)", "failed"),
    (5, 16, "EVENT LOG TAGS (/etc/event-log-tags)", ""),
    (5, 6, f"SYSTEM LOG ({_LOGCAT.format(v='')})", "log"),
    (7, 7, f"SYSTEM LOG ({_LOGCAT.format(v=' -v printable')})", "log"),
    (8, 16, f"SYSTEM LOG ({_LOGCAT.format(v=_UID)})", "log_uid"),
    (5, 6, f"EVENT LOG ({_EVENTS.format(v='')})", "events"),
    (7, 7, f"EVENT LOG ({_EVENTS.format(v=' -v printable')})", "events"),
    (8, 16, f"EVENT LOG ({_EVENTS.format(v=_UID)})", "events"),
    (9, 16, f"STATS LOG (logcat -b stats -v threadtime{_UID} -d *:v)", ""),
    (5, 7, f"RADIO LOG ({_RADIO.format(v='')})", "log"),
    (8, 16, f"RADIO LOG ({_RADIO.format(v=_UID)})", "log_uid"),
    (6, 13, "LOG STATISTICS (logcat -b all -S)", "statistics"),
    (6, 6, "LAST LOGCAT (logcat -L -v threadtime -b all -d *:v)", "log"),
    (7, 16, f"LAST LOGCAT (logcat -L -b all -v threadtime{_UID} -d *:v)", "log"),
    (9, 16, "DUMPSYS HIGH (/system/bin/dumpsys)", "other"),
    (5, 16, "SYSTEM PROPERTIES (getprop)", "getprop"),
    (5, 6, "DUMPSYS (dumpsys)", "dumpsys"),
    (7, 7, "DUMPSYS (dumpsys -t 60 --skip meminfo cpuinfo)", "dumpsys"),
    (8, 8, "DUMPSYS (/system/bin/dumpsys -t 10 --skip meminfo cpuinfo)", "dumpsys"),
    (9, 16, "DUMPSYS NORMAL (/system/bin/dumpsys)", "other"),
    (15, 16, "PSI cpu (/proc/pressure/cpu)", "other_pressure"),
    (15, 16, "PSI memory (/proc/pressure/memory)", "pressure"),
    (15, 16, "PSI io (/proc/pressure/io)", "other_pressure"),
)
_RULE = "-" * 79 + "\n"
_HEAD = "11-23 10:00:01.000  1000    90    90 I "
BODIES = {
    "": "up 1 day\n",
    "meminfo": "MemTotal: 2000000 kB\nMemFree: 90000 kB\nMemAvailable: 400000 kB\n"
    "Cached: 300000 kB\nSwapTotal: 1000000 kB\nSwapFree: 500000 kB\n",
    "top": "User 1%, System 2%\n",
    "failed": "*** exec(su): Permission denied\n",
    "vmstat": "nr_free_pages 22500\npgsteal_kswapd 5\nworkingset_refault 7\n",
    "zoneinfo": "Node 0, zone   Normal\n  pages free     22500\n        min      1000\n"
    "        low      2000\n        high     3000\n        present  500000\n"
    "        managed  480000\n        protection: (0, 0)\n",
    "toolbox": "USER     PID   PPID  VSIZE  RSS   PCY WCHAN              PC  NAME\n"
    "u0_a1    40    1     90000  5000  fg  ffffffff 00000000 S com.example.a\n[ps: 0.1s elapsed]\n",
    "threads": "USER     PID   PPID  VSIZE  RSS   PCY WCHAN              PC  NAME\n"
    "u0_a1    40    1     90000  5000  fg  ffffffff 00000000 S com.example.a\n"
    "u0_a1    43    40    90000  5000  fg  ffffffff 00000000 S Binder_1\n"
    "u0_a1    44    40    70000  3000  fg  ffffffff 00000000 S child\n",
    "labels": "LABEL                          USER     PID   PPID  NAME\n"
    "u:r:untrusted_app:s0           u0_a1    40    1     com.example.a\n",
    "toybox": "USER PID PPID VSZ RSS WCHAN ADDR S NAME\n"
    "u0_a1 40 1 90000 5000 0 0 S com.example.a\n",
    "pressure": "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
    "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
    "other_pressure": "some avg10=99.00 avg60=0.00 avg300=0.00 total=7\n",
    "kernel": f"{_HEAD}kernel  : init: hello\n",
    "log_uid": "--------- beginning of main\n11-23 10:00:01.000  1000    90    90 I "
    "ActivityManager: Killing 41:com.example.b/u0a2 (adj 906): empty #17\n",
    "dmesg": "<6>[   10.000000] init: hello\n",
    "log": "--------- beginning of main\n11-23 10:00:01.000    90    90 I "
    "ActivityManager: Killing 41:com.example.b/u0a2 (adj 906): empty #17\n",
    "events": f"{_HEAD}am_kill : [0,42,com.example.c,906,empty #17]\n",
    "statistics": "size/num main  system  Total\nTotal 3405498/33141 killed 0\n",
    "getprop": "[ro.build.version.release]: [{release}]\n[ro.product.model]: [Own Phone]\n",
    "dumpsys": f"{_RULE}DUMP OF SERVICE {{priority}}activity:\n"
    "ACTIVITY MANAGER RUNNING PROCESSES (dumpsys activity processes)\n  All known processes:\n"
    "  *APP* UID 10001 ProcessRecord{{1a2b 40:com.example.a/u0a1}}\n    user #0 uid=10001\n"
    "    packageList={{com.example.a}}\n"
    "    oom: max=1001 curRaw=900 setRaw=900 cur=905 set=900\n",
    "other": f"{_RULE}DUMP OF SERVICE {{priority}}account:\n  nothing\n",
}


def bug_report(release: int) -> str:
    """The text of a bug report of that release, in the order of the table."""
    parts = [
        f"{'=' * 56}\n== dumpstate: 2026-11-23 10:00:05\n{'=' * 56}\n\n",
        f"Build fingerprint: 'own/phone/phone:{release}/A/1:user/release-keys'\n",
        "Kernel: Linux version 4.19.1 (me@host) #1 SMP\n\n",
    ]
    for first, last, words, key in SECTIONS:
        if first <= release <= last:
            title = words.partition(" (")[0]
            level = title.removeprefix("DUMPSYS").strip()
            body = BODIES[key]
            if key in ("dumpsys", "other", "getprop"):
                body = body.format(release=release, priority=f"{level} " if level else "")
            parts.append(f"------ {words} ------\n{body}")
            parts.append(f"------ 0.1s was the duration of '{title}' ------\n")
    return "".join(parts)
