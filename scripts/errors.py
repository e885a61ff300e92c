"""Errors that a person can mend; everything else is a defect and keeps its traceback."""


class UserError(Exception):
    """One sentence that names what is wrong, where, and the fix.

    Attributes:
        exit_status: of the command that ends with it.
    """

    exit_status = 1
