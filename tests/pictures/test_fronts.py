from segzoo.pictures import Point, pareto_front

POINTS = [Point("slow", 3, 9), Point("quick", 1, 5), Point("worse", 2, 4), Point("same", 1, 4)]


def test_the_front_of_most_value_is_what_nothing_is_better_than():
    assert [point.name for point in pareto_front(POINTS)] == ["quick", "slow"]


def test_the_front_of_least_value_takes_the_smallest():
    assert [point.name for point in pareto_front(POINTS, most=False)] == ["same"]
