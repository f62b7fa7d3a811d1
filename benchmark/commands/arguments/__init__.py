"""The options of each verb. Nothing heavy is imported here, so that help and refusals come at once."""


def sentence(summary: str) -> str:
    """Return what a list of verbs says of one as the sentence that opens its own help.

    Examples
    --------
    >>> sentence("list the methods, or check one")
    'List the methods, or check one.'
    """
    return f"{summary[0].upper()}{summary[1:]}."
