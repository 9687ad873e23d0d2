"""How the two sides of pairs lie to each other, in rows of label, number and words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from thinshell.report.numbers import count, fixed, rounded, share

__all__ = ["PAIR_TITLE", "pair_rows"]

PAIR_TITLE = "The two sides of the pairs"


def pair_rows(pairs: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return (label, number, what it is) of the section `pairs` of a result.

    Parameters
    ----------
    pairs : mapping
        Of ``diagnose_pairs(...).to_dict()``.

    Returns
    -------
    list of tuple of str

    Examples
    --------
    >>> pair_rows({"sides": ["image", "text"], "n_pairs": 500, "gap": 0.7})[0]
    ('pairs', '500', 'numbers that image and text share')
    """
    first, second = ([*map(str, pairs.get("sides") or ()), "first", "second"])[:2]
    offsets, radii, cvs = ((*(pairs.get(key) or ()), None, None)[:2] for key in ("offsets", "radii", "radius_cv"))
    without = pairs.get("n_without_partner") or [0, 0]
    rows = [
        ("pairs", count(pairs.get("n_pairs")), f"numbers that {first} and {second} share"),
        *(
            (f"{name} alone", count(alone), "rows without a partner, left out of the cosines")
            for name, alone in zip((first, second), without, strict=False)
            if alone
        ),
        ("alignment", fixed(pairs.get("alignment")), "mean squared distance of partners, as unit rows; 0 is best"),
        ("cosine, partners", fixed(pairs.get("positive_cosine"), 3), "mean over the pairs"),
        ("cosine, others", fixed(pairs.get("cross_cosine"), 3), f"mean of every {first} with every {second}"),
        ("margin", fixed(pairs.get("margin"), 3), "of partners over others: what retrieval lives on"),
        ("modality gap", fixed(pairs.get("gap"), 3), "distance of the mean directions, 0 to 2 (Liang et al. 2022)"),
        ("  as they are", rounded(pairs.get("gap_raw")), "distance of the means of the rows, in their unit"),
        ("  in spreads", fixed(pairs.get("gap_in_spreads")), "over the spread of the sides: above 1 they lie apart"),
        ("  share", share(pairs.get("share")), "of the mean squared distance between the sides"),
        ("cosine of the means", fixed(pairs.get("cosine_of_means"), 3), "-1 opposite, 0 at right angles, 1 alike"),
    ]
    for name, offset, radius, cv in zip((first, second), offsets, radii, cvs, strict=True):
        rows += [
            (f"{name}, off the origin", share(offset), "mean over root mean square norm (Double-Ellipsoid)"),
            (f"{name}, radius", f"{rounded(radius)}, CV {fixed(cv, 3)}", "distance from its own mean"),
        ]
    return rows
