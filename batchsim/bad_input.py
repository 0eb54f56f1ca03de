"""What the user gave cannot be used."""


class BadInputError(Exception):
    """Its text is the message for the user; the program ends with exit code 2."""
