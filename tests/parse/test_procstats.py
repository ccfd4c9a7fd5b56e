"""Sampled memory of processes."""

from droidreclaim.parse.activity.procstats import parse_procstats


def test_the_long_form_lists_processes_under_packages(capture):
    sampled = parse_procstats(capture("dumpsys_procstats/android13-mtk_tb8168-healer_excerpt.txt"))
    phone = sampled[0]
    assert (phone.process, phone.package, phone.uid) == (
        "com.android.phone", "com.android.providers.telephony", 1001,
    )  # fmt: skip
    assert (phone.pss_bytes, phone.pss_max_bytes, phone.samples) == (35 << 20, 38 << 20, 8)
    system = {one.process: one for one in sampled}["com.android.dynsystem:dynsystem"]
    assert (system.uid, system.samples) == (1000, 2)


def test_the_short_form_gives_averages(capture):
    (app,) = parse_procstats(capture("dumpsys_procstats/android_emulator-funnyenglish.txt"))
    assert (app.process, app.package, app.uid) == ("com.funnyenglish.app",) * 2 + (10231,)
    assert (app.pss_bytes, app.pss_max_bytes, app.rss_bytes) == (12 << 20, 110 << 20, 228 << 20)
    assert app.samples == 9
