"""Checks: everything that scenarios expect, asked in the way that each expectation is about.

`answers.py` asks one question of one policy. `questions.py` lists the questions of a scenario, and `work.py`
answers one of them in any process and judges it. `inputs.py` tells what an answer depends on, `cache.py` keeps
answers by that, `told.py` shows what they came to, and `finding.py` looks for scenarios in folders.
"""
