"""Visitors, and what is left of them."""

from segzoo.studio.visits import KEPT, Visits


def test_a_session_is_one_visit():
    visits = Visits()
    assert visits.of("a") is visits.of("a")
    assert visits.of("a") is not visits.of("b")


def test_a_visit_that_ends_leaves_no_files():
    visits = Visits()
    visit = visits.of("a")
    (visit.folder / "mask.png").touch()
    visits.end("a")
    assert visit.left.is_set()
    assert not visit.folder.exists()
    assert len(visits) == 0


def test_the_longest_unused_visit_is_forgotten():
    visits = Visits()
    first = visits.of("first")
    for number in range(KEPT):
        visits.of(str(number))
    assert len(visits) == KEPT
    assert first.left.is_set()


def test_the_end_of_a_visit_that_never_was_is_nothing():
    Visits().end("nobody")
