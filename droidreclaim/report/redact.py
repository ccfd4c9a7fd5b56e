"""
What a report may carry of a device: lines of known shapes, each made for its source. Pure.

A shape has no room for a word that a person or a maker could have chosen: everything else is left
out and counted. What is new in a release is so missing at first, and harmless.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterable, Mapping

from droidreclaim.units import format_size

Rewrite = str | Callable[[re.Match[str]], str] | None
Shape = tuple[re.Pattern[str], Rewrite]

_SHORTEST_SECRET = 4  # shorter ones would blacken half of the text
_LONGEST = 2000
LEFT_OUT = "<left out>"

# No telephone number or IMEI is as short; sizes that are longer are printed rounded.
NUMBER = r"(?:0|[1-9][0-9]{0,8})"
SIZE = r"-?[0-9]{1,4}(?:\.[0-9])? (?:B|KiB|MiB|GiB)"
ERRNO = "(?:" + "|".join(sorted(errno.errorcode.values())) + ")"
ZRAM = r"zram[0-9]"
ALGORITHM = r"\[?(?:lzo|lzo-rle|lz4|lz4hc|zstd|zstdn|deflate|842)\]?"
AREA = (
    rf"(?:/dev/(?:block/)?)?(?:{ZRAM}|vnswap[0-9]|dm-[0-9]{{1,2}}|loop[0-9]{{1,2}}"
    r"|sd[a-z][0-9]{1,2})"
)
SETTING = (
    r"(?:use_minfree_levels|use_new_strategy|use_psi|psi_partial_stall_ms|psi_complete_stall_ms"
    r"|swap_free_low_percentage|swap_compression_ratio|swap_compression_ratio_div"
    r"|relaxed_available_memory|swap_util_max|thrashing_limit"
    r"|thrashing_limit_decay|thrashing_limit_critical|filecache_min_kb|stall_limit_critical"
    r"|pressure_after_kill_min_score|lowmem_min_oom_score|kill_heaviest_task|kill_timeout_ms"
    r"|low|medium|critical|critical_upgrade|upgrade_pressure|downgrade_pressure|debug|log_stats"
    r"|direct_reclaim_threshold_ms|delay_monitors_until_boot)"
)
SWITCH = r"(?:true|false|[01]|y|n|yes|no|on|off)"
_VALUE = rf"(?:{SWITCH}|-?{NUMBER})"

_MEMINFO = (
    "MemTotal|MemFree|MemAvailable|Buffers|Cached|SwapCached|Active|Inactive|Unevictable|Mlocked"
    "|SwapTotal|SwapFree|Zswap|Zswapped|Dirty|Writeback|AnonPages|Mapped|Shmem|KReclaimable|Slab"
    "|SReclaimable|SUnreclaim|KernelStack|ShadowCallStack|PageTables|SecPageTables|NFS_Unstable"
    "|Bounce|WritebackTmp|CommitLimit|Committed_AS|VmallocTotal|VmallocUsed|VmallocChunk|Percpu"
    "|AnonHugePages|ShmemHugePages|ShmemPmdMapped|FileHugePages|FilePmdMapped|CmaTotal|CmaFree"
    "|HugePages_Total|HugePages_Free|HugePages_Rsvd|HugePages_Surp|Hugepagesize|Hugetlb"
    "|HighTotal|HighFree|LowTotal|LowFree|IonTotalUsed|IonTotalCache|GPUTotalUsed|RsvTotalUsed"
)
_CONSTANTS = (
    r"(?:max_cached_processes|max_phantom_processes|max_empty_time_millis|gc_timeout"
    r"|gc_min_interval|full_pss_min_interval|full_pss_lowered_interval"
    r"|memory_info_throttle_time|no_kill_cached_processes_until_boot_completed"
    r"|mOverrideMaxCachedProcesses|mCustomizedMaxCachedProcesses|CUR_MAX_CACHED_PROCESSES"
    r"|CUR_MAX_EMPTY_PROCESSES|CUR_TRIM_EMPTY_PROCESSES|CUR_TRIM_CACHED_PROCESSES"
    r"|use_compaction|use_freezer|compact_action_[1-6]|compact_throttle_[1-6]"
    r"|compact_throttle_m(?:in|ax)_oom_adj|compact_statsd_sample_rate"
    r"|compact_full_rss_throttle_kb|compact_full_delta_rss_throttle_kb|use_oom_re_ranking"
    r"|freeze_debounce_timeout|freeze_statsd_sample_rate)"
)
_COUNTED = (
    r"(?:Requested|Performed|Process Compactions (?:Requested|Performed|Throttled)"
    r"|(?:NoPid|OomAdj|Time|RSS|Misc|Unaccounted) Throttled|System Compactions Performed"
    r"|Apps frozen|Total Compactions Performed by profile)"
)
_KINDS = rf"{NUMBER}(?: (?:some|full|persistent|BFGS),? ?{NUMBER}?){{0,4}}(?: ?compactions\.)?"

# "5.10.101-android12-9-00005-g1a2b3c4d5e6f-ab8943833", "4.14.186-perf+", "6.1.0-56-cloud-amd64"
_KERNEL = re.compile(
    r"(?P<release>[2-9]\.[0-9]{1,2}\.[0-9]{1,3})(?P<tags>(?:[-+][\w.]{0,40})*)(?P<more>\s.*)?"
)
_TAG = re.compile(
    r"android[0-9]{1,2}|g[0-9a-f]{7,12}|ab[0-9]{6,9}|rc[0-9]|perf|gki|qgki|cloud|generic|amd64"
    r"|arm64|dirty|maybe|4k|16k|lts|"
)
_TAG_NUMBER = re.compile(r"[0-9]{1,2}|0[0-9]{4}")  # a build's, and git describe's
_PROPERTIES = (
    (r"ro\.build\.version\.sdk|ro\.product\.(?:first_api_level|build\.version\.sdk)", "[1-9][0-9]"),
    (r"ro\.build\.version\.release(?:_or_codename)?", r"[1-9][0-9]?(?:\.[0-9]){0,2}"),
    (r"ro\.build\.version\.security_patch", r"20[0-9]{2}-[01][0-9]-[0-3][0-9]"),
    (r"ro\.build\.type", "user|userdebug|eng"),
    (r"ro\.zygote", r"zygote(?:32|64)(?:_(?:32|64))?"),
    (r"ro\.product\.cpu\.abi", "arm64-v8a|armeabi-v7a|x86_64|x86|riscv64"),
    (r"ro\.config\.low_ram", SWITCH),
    (rf"(?:ro\.lmk|persist\.device_config\.lmkd_native)\.{SETTING}", _VALUE),
    (r"sys\.lmk\.(?:reportkills|minfree_levels)", rf"{SWITCH}|{NUMBER}:-?{NUMBER}(?:,{NUMBER}:-?"
     rf"{NUMBER}){{0,5}}"),
    (r"dalvik\.vm\.heap(?:size|growthlimit|startsize|minfree|maxfree)", r"[1-9][0-9]{0,3}[kmg]"),
    (r"dalvik\.vm\.heaptargetutilization", r"0\.[0-9]{1,2}"),
    (r"(?:ro|persist\.sys)\.zram(?:\.|_)?(?:enabled|enable|size|limit)?", _VALUE),
)  # fmt: skip


def _shape(pattern: str, rewrite: Rewrite = None) -> Shape:
    return re.compile(pattern), rewrite


def kernel_release(text: str) -> str:
    """A kernel's release with the tags that every maker's has; others could name a person."""
    found = _KERNEL.fullmatch(text.strip()[:200])
    if found is None:
        return LEFT_OUT
    kept: list[str] = []
    numbers = set()  # one of each length: three would make a telephone number
    for tag in re.findall(r"[-+.][^-+.]*", found["tags"]):
        word = tag[1:]
        known = _TAG.fullmatch(word) is not None
        if _TAG_NUMBER.fullmatch(word) and len(word) not in numbers:
            numbers.add(len(word))
            known = True
        kept.append(tag if known else f"{tag[0]}<word>")
    return found["release"] + "".join(kept) + (f" {LEFT_OUT}" if found["more"] else "")


def _sizes(found: re.Match[str]) -> str:
    """Long numbers as sizes: rounded, they are nobody's number."""
    rounded = [format_size(int(one)) if len(one) > 3 else one for one in found["all"].split()]
    return f"{found['key']}{'  '.join(rounded)}"


_SHAPES: Mapping[str, tuple[Shape, ...]] = {
    "page": (_shape("[1-9][0-9]{3,4}"),),
    "selinux": (_shape("Enforcing|Permissive|Disabled"),),
    "kernel": (_shape(r"[2-9]\..*", lambda found: kernel_release(found[0])),),
    "lmkd": (_shape("[1-9][0-9]{0,6}"),),
    "lmk-mode": (_shape(r"(-[rwx-]{9}[.+]?) .*", r"\1"),),
    "lmk-driver": (_shape(rf"{NUMBER}(?:,{NUMBER}){{1,5}}"),),
    "lmk-adj": (_shape(r"-?[0-9]{1,4}(?:,-?[0-9]{1,4}){1,5}"),),
    "meminfo": (_shape(rf"(?:{_MEMINFO})(?:\((?:anon|file)\))?:\s+{NUMBER}(?: kB)?"),),
    "swaps": (
        _shape(r"Filename\s+Type\s+Size\s+Used\s+Priority"),
        _shape(rf"{AREA}\s+(?:partition|file)\s+{NUMBER}\s+{NUMBER}\s+-?[0-9]{{1,5}}"),
        _shape(rf"\S.*\s((?:partition|file)\s+{NUMBER}\s+{NUMBER}\s+-?[0-9]{{1,5}})",
               r"<path> \1"),
    ),
    "psi": (_shape(r"((?:some|full)(?: avg(?:10|60|300)=[0-9]{1,3}\.[0-9]{2}){3}) total=[0-9]+",
                   r"\1"),),
    "zram": (
        _shape(rf"/sys/block/{ZRAM}/comp_algorithm:{ALGORITHM}(?: {ALGORITHM}){{0,9}} ?"),
        _shape(rf"/sys/block/{ZRAM}/backing_dev:none"),
        _shape(rf"(/sys/block/{ZRAM}/bd_stat:).*", r"\1<pages>"),
        _shape(rf"(/sys/block/{ZRAM}/recomp_algorithm:).*", r"\1<algorithms>"),
        _shape(rf"(/sys/block/{ZRAM}/backing_dev:)\S.*", r"\1<path>"),
        _shape(rf"(?P<key>/sys/block/{ZRAM}/disksize:)(?P<all>[0-9]{{1,13}})", _sizes),
        _shape(rf"(?P<key>/sys/block/{ZRAM}/mm_stat:)\s*(?P<all>[0-9]{{1,13}}"
               r"(?:\s+[0-9]{1,13}){6,8})", _sizes),
    ),
    "am-settings": (
        _shape(r"(?:CachedAppOptimizer|AppCompactor|CacheOomRanker) settings"),
        _shape(rf"\s*{_CONSTANTS}=(?:{_VALUE}|[01]\.[0-9]{{1,3}}|none|file|anon|all|some|full)"),
        _shape(rf"\s*(?:{_COUNTED}: )?{_KINDS}"),
    ),
    "freezer": (_shape("null|enabled|disabled|device_default"),),
    "process_reclaim": (_shape("[01YN]"),),
    "damon_reclaim": (_shape("[01YN]"),),
    "hybridswap": (
        _shape(rf"/sys/block/{ZRAM}/hybridswap(?:_(?:enable|core_enable|loop_device|vmstat"
               r"|report|meminfo|swapd_pause|loglevel|stat_snap|dev_life|quota_day))?"),
        _shape(r"/dev/memcg/memory\.force_swapout"),
    ),
    "rtmm": (_shape("/sys/module/rtmm|/proc/rtmm|/sys/kernel/mm/rtmm"),),
    "mglru": (_shape("[0-9]{1,7}"),),
    "mglru-on": (_shape("0x[0-9a-f]{1,4}"),),
    "limiter": (
        _shape("Memory limiter"),
        _shape(r"(?:\s*(?:visible|notVisible)(?:Mem|Swap)=[0-9]{1,6}MB){1,4}"),
    ),
    "props": tuple(
        _shape(rf"\[(?:{key})\]: \[(?:{value})\]") for key, value in _PROPERTIES
    ),
}  # fmt: skip


def fitted(text: str, shapes: Iterable[Shape]) -> str | None:
    """*text* as the first of *shapes* that it has lets it through; None where it has none."""
    for pattern, rewrite in shapes:
        found = pattern.fullmatch(text) if len(text) <= _LONGEST else None
        if found is None:
            continue
        if rewrite is None:
            return text
        return rewrite(found) if callable(rewrite) else found.expand(rewrite)
    return None


def carried(source: str, text: str) -> str:
    """What of a *source*'s text a report may carry; lines in a row that it may not are counted."""
    lines: list[str] = []
    missing = 0
    for line in text.split("\n"):
        kept = fitted(line.rstrip(), _SHAPES.get(source, ())) if line.strip() else None
        if kept is None:
            missing += bool(line.strip())
            continue
        lines += _counted(missing)
        lines.append(kept)
        missing = 0
    return "\n".join([*lines, *_counted(missing)])


def _counted(missing: int) -> list[str]:
    return [f"<{missing} left out>"] if missing else []


def without(secrets: Iterable[str], text: str) -> str:
    """*text* without the device's own names (*secrets*), should a shape ever let one through."""
    for secret in sorted({one for one in secrets if len(one) >= _SHORTEST_SECRET}, key=len)[::-1]:
        text = re.sub(re.escape(secret), "<serial>", text, flags=re.IGNORECASE)
    return text
