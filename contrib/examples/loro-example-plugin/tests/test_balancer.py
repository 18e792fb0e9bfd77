"""The balancer `fullest` keeps the contract, and fills one instance before it begins another."""

from __future__ import annotations

import random

from loro_core import Candidate, Ticket
from loro_core.testing import check_balancer
from loro_example.fullest import Fullest


def pick(*in_flight):
    candidates = [
        Candidate(instance=f"m-{n}", model="m", in_flight=calls, slots=4) for n, calls in enumerate(in_flight)
    ]
    return Fullest().pick(candidates, Ticket(id=1, models=("m",)), 0.0, random.Random(1)).instance


def test_it_keeps_the_contract():
    check_balancer(Fullest())


def test_what_has_work_gets_more_of_it():
    assert pick(0, 3, 1) == "m-1"
    assert pick(0, 0) == "m-0"
