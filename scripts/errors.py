"""Errors that a person can mend; everything else is a defect and keeps its traceback."""


class UserError(Exception):
    """One sentence that names what is wrong, where, and the fix."""
