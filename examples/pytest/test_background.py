"""What becomes of a game that somebody leaves for a moment. Its package: replace it by yours."""

import pytest

import droidreclaim as dr

GAME = "com.example.game"


def test_the_game_opens(droid):
    game = droid.app(GAME)
    game.open()
    assert game.identity().process is not None


def test_it_is_the_same_game_when_the_player_comes_back(droid):
    game = droid.app(GAME)
    game.open()
    with droid.survives(game):
        droid.home()
        game.open()


@pytest.mark.droid(root=True, swap=True)
def test_it_survives_being_paged_out(droid):
    game = droid.app(GAME)
    game.open()
    with droid.survives(game):
        droid.home()
        droid.reclaim(GAME, budget="16MiB", force=True)
        game.open()


def test_after_a_death_in_the_background_it_starts_anew(droid):
    game = droid.app(GAME)
    game.open()
    droid.home()
    ended = game.die()
    game.open()
    assert game.identity().process != ended
    assert GAME in {kill.name for kill in droid.kills()}


def test_a_game_in_front_does_not_die(droid):
    game = droid.app(GAME)
    game.open()
    with droid.survives(game), pytest.raises(dr.NotAchieved):
        game.die()
