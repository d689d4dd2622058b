"""Predictions of what customers will do or spend, or of what is known of some of them only.

`fitted.fit` goes from training samples to a Fit, which scores, gives reasons and is plain values; `fitted.drift` says whether
customers still are as they were. `lookalike` scores likeness by the same models; `affinity` is what customers are interested
in now. scikit-learn and SciPy are met where something is fitted; scoring needs numpy alone.
"""
