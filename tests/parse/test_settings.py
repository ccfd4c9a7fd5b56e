"""ActivityManager's settings, compaction and the freezer."""

import pytest

from droidreclaim.errors import ParseError
from droidreclaim.parse.activity.settings import parse_settings

A13 = "dumpsys_activity_settings/android13-mtk_tb8168-healer-cachedappoptimizer.txt"


def test_android_13_says_that_compaction_is_off_and_the_freezer_on(capture):
    settings = parse_settings(capture(A13))
    assert (settings.has_compactor, settings.use_compaction, settings.use_freezer) == (
        True,
        False,
        True,
    )
    assert settings.constants["compact_full_rss_throttle_kb"] == "12000"
    assert settings.constants["max_phantom_processes"] == "32"
    assert (settings.frozen_count, settings.frozen) == (0, ())
    assert settings.counts is not None
    assert settings.counts.performed == {"some": 0, "full": 0, "persistent": 0, "BFGS": 0}


def test_android_9_has_limits_and_no_compactor(capture):
    settings = parse_settings(
        capture("dumpsys_activity_settings/android9-automotive_gwm-haval.txt")
    )
    assert (settings.cur_max_cached_processes, settings.cur_max_empty_processes) == (32, 16)
    assert (settings.has_compactor, settings.use_compaction, settings.counts) == (False, None, None)


def test_android_10_counts_and_android_14_rows_are_read():
    settings = parse_settings(
        "ACTIVITY MANAGER SETTINGS (dumpsys activity settings) activity_manager_constants:\n"
        "  max_cached_processes=32\n\nAppCompactor settings\n  use_compaction=true\n"
        "  3 some, 2 full, 1 persistent, 0 BFGS compactions.\n"
        "  Last Compaction per process stats:\n    (ProcessName,Source,DeltaAnonRssKBs)\n"
        "    (com.example,APP,-10)\n  Apps frozen: 1\n    499170: 77 com.example.a:b (sticky)\n"
    )
    assert settings.use_compaction
    assert settings.counts is not None
    assert (settings.counts.requested, settings.counts.performed["some"]) == (None, 3)
    assert settings.last_compactions[0].columns["DeltaAnonRssKBs"] == "-10"
    assert settings.frozen == ((77, "com.example.a:b"),)


def test_a_title_without_a_setting_is_refused():
    with pytest.raises(ParseError, match="no ActivityManager setting"):
        parse_settings("ACTIVITY MANAGER SETTINGS (dumpsys activity settings)\n")
