"""`segctl team`: the people of the workspace."""

import typer

from segctl.cli import team_groups, team_members

app = typer.Typer()
app.add_typer(
    team_members.app, name="members", help="Team members, and from CSV.", no_args_is_help=True
)
app.add_typer(
    team_groups.app, name="groups", help="Groups and who is in them.", no_args_is_help=True
)
