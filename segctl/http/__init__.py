"""`segctl serve`: conversations, segments and members over HTTP. Needs the extra segctl[http]."""
