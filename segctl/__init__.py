"""segctl: the segments of a CRM workspace, kept from a shell."""

__version__ = "0.1.0"
