"""What the scripts that check images share: the loop over images and checks.

Called by scripts/check_elf.py and scripts/check_features.py.
"""


def run(paths, checks):
    """Prints a line for each text that a check of an image yields; the exit status."""
    bad = 0
    for elf in paths:
        for check in checks:
            for text in check(elf):
                print(f"{elf}: {text}")
                bad += 1
    print(f"{len(paths)} images checked")
    return 1 if bad else 0
