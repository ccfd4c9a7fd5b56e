"""Who is in front, from two dumps and several releases."""

import pytest

from droidreclaim.errors import ParseError
from droidreclaim.parse.activity.focus import parse_focus

ACTIVITIES = "dumpsys_activity_activities/"
WINDOW = "dumpsys_window_focus/"


@pytest.mark.parametrize(
    "name",
    [ACTIVITIES + "android13-mtk_tb8168-healer.txt", WINDOW + "android13-mtk_tb8168-healer.txt"],
)
def test_android_13_asleep_has_an_app_below_the_shade_and_none_on_top(name, capture):
    focus = parse_focus(capture(name))
    assert (focus.top, focus.window) == (None, "NotificationShade")
    assert focus.focused_app is not None
    assert focus.focused_app.class_name == "com.mediatek.camera.CameraLauncher"
    assert focus.foreground is not None
    assert (focus.foreground.package, focus.foreground.task) == ("com.mediatek.camera", 12)


def test_android_9_car_shows_one_activity_on_display_0(capture):
    focus = parse_focus(capture(ACTIVITIES + "android9-automotive_gwm-haval.txt"))
    (resumed,) = focus.resumed
    assert (resumed.package, resumed.task, resumed.display) == (
        "com.beantechs.vehiclecenter",
        75,
        0,
    )


def test_android_16_with_no_focus_says_so(capture):
    focus = parse_focus(capture(ACTIVITIES + "android16-emulator-ppplayer_filtered.txt"))
    assert (focus.foreground, focus.resumed, focus.window) == (None, (), None)


def test_a_brace_that_closes_twice_and_one_that_closes_once(capture):
    focus = parse_focus(capture(ACTIVITIES + "android_huawei_and_a13-resumed_oneliners.txt"))
    assert focus.top is not None
    assert (focus.top.package, focus.top.task) == ("com.smile.gifmaker", 6294)
    assert focus.top.class_name == "com.yxcorp.gifshow.HomeActivity"
    assert [activity.task for activity in focus.resumed] == [1573, 6294]


def test_windows_are_listed_where_the_lines_of_focus_were_filtered_out(capture):
    focus = parse_focus(capture(WINDOW + "android13_14-uiautomator2_952_window_excerpt.txt"))
    (window,) = focus.windows
    assert (window.package, window.owner_uid, window.user) == ("tv.danmaku.bili", 10178, 0)
    assert window.title == "tv.danmaku.bili/tv.danmaku.bili.MainActivityV2"


@pytest.mark.parametrize(
    "line",
    [
        " ResumedActivity:ActivityRecord{1a u10 com.example/.Main t33}",
        "topResumedActivity=ActivityRecord{12376650 u10 com.example/.Main t33}",
        "  mFocusedApp=AppWindowToken{1 token=Token{2 ActivityRecord{3 u10 com.example/.Main t33}}",
    ],
)
def test_forms_of_android_10_and_16_are_read(line):
    activity = parse_focus(line).foreground
    assert activity is not None
    assert (activity.class_name, activity.user, activity.task) == ("com.example.Main", 10, 33)


def test_of_two_displays_the_one_in_front_counts():
    focus = parse_focus(
        "Display #0 (activities from top to bottom):\n"
        "    mResumedActivity: ActivityRecord{1 u0 a.b/.Map t1}\n"
        "Display #2 (activities from top to bottom):\n"
        "    mResumedActivity: ActivityRecord{2 u10 c.d/.Radio t2}\n\n"
        "  ResumedActivity: ActivityRecord{2 u10 c.d/.Radio t2}\n"
    )
    assert [(one.package, one.display) for one in focus.resumed] == [("c.d", 2), ("a.b", 0)]
    assert focus.foreground == focus.resumed[0]


def test_the_focused_display_names_the_focused_window():
    focus = parse_focus(
        "  Display: mDisplayId=0\n  mCurrentFocus=Window{1 u0 a.b/a.b.Map}\n"
        "  Display: mDisplayId=2\n  mCurrentFocus=Window{2 u10 c.d/c.d.Radio}\n"
        "  mTopFocusedDisplayId=2\n"
    )
    assert focus.window == "c.d/c.d.Radio"


def test_a_resumed_line_without_an_activity_is_refused():
    with pytest.raises(ParseError, match="line 1"):
        parse_focus("  mResumedActivity: something else\n")
