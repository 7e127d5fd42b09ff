"""The self-test: does a target keep the assumptions under which a Program runs exactly?

equations.py    what every node computes, in plain Python integers
assumption.py   an assumption: a small Program and its known answers
assumptions.py  all of them
verdict.py      hold a target against them

It shares no arithmetic with the reference, the twin or Lava: a mistake common to them would be found here.
"""
