"""The trainer of the examples, slowed down by what the file `seconds` beside it says: the pace is
no part of a run's specification, so a slow sweep and a quick one make the same runs."""

import time

import minimal

quick = minimal.train
with open("seconds") as file:
    pause = float(file.read()) / 10


def slow(spec, report):
    def wait_and_report(*point):
        time.sleep(pause)
        report(*point)

    return quick(spec, wait_and_report)


minimal.train = slow
minimal.main()
