"""The statistics of A/B tests, on plain arrays: no storage, no command line.

An array has one float64 value a user, all finite; control comes first, treatment second. Where the data say nothing
(too few users, no variance, a control of 0) the result is a defined value or NaN, never a warning.
"""
