"""``sqlembed map``: a table as a picture, every row a point."""

from __future__ import annotations

from pathlib import Path

import click

from sqlembed.cli.options import (
    Place,
    database_options,
    embedding_option,
    examples,
    json_option,
)

SUFFIXES = (".html", ".png")


def _file(context: click.Context, parameter: click.Parameter, value: Path) -> Path:
    del context, parameter
    if value.suffix.lower() not in SUFFIXES:
        raise click.BadParameter(f"{value} ends neither with .html nor with .png")
    if not value.absolute().parent.is_dir():
        raise click.BadParameter(f"there is no folder {value.parent}")
    return value


@click.command(
    short_help="Draw a table: rows that mean nearly the same stand together.",
    epilog=examples(
        "sqlembed map report --color cluster --out map.html",
        "sqlembed map report --color state --method umap --out map.html",
        "sqlembed map weather.report --color damage --out map.png",
    ),
)
@database_options
@click.argument("table")
@click.option(
    "--color",
    metavar="COLUMN",
    help="A column to colour the rows by; cluster, where there is no such column, stands for"
    " k-means clusters, which are found for the picture and named by their words.",
)
@click.option(
    "--method",
    type=click.Choice(["pca", "umap"]),
    default="pca",
    show_default=True,
    help="pca keeps the large distances and is quick; umap keeps neighbours together.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_file,
    required=True,
    help="The file to write: one .html page that needs nothing else, or a .png.",
)
@click.option(
    "-k",
    type=click.IntRange(min=1, max=20),
    default=12,
    show_default=True,
    help="How many clusters; fewer where there are not so many different vectors.",
)
@click.option("--filter", metavar="SQL", help="A condition on the rows to draw.")
@click.option(
    "--rows",
    type=click.IntRange(min=2),
    default=50_000,
    show_default=True,
    help="To draw at most; of more, some are chosen at random.",
)
@click.option("--seed", default=0, show_default=True, help="Of the random choices.")
@embedding_option("Which vector column, where the table has several.")
@json_option
def map(
    place: Place,
    table: str,
    color: str | None,
    method: str,
    out: Path,
    k: int,
    filter: str | None,
    rows: int,
    seed: int,
    embedding: str | None,
    as_json: bool,
) -> None:
    """Draw the rows of TABLE as points; those that mean nearly the same stand together.

    The page zooms, shows the text of a row under the mouse, finds texts, and hides and shows what
    is clicked in the legend. It holds the texts of the rows, each cut to 300 characters.
    """
    from sqlembed.cli.database import open_database
    from sqlembed.cli.mapped import Wish, picture_of
    from sqlembed.cli.output import patience, print_json
    from sqlembed.cli.tables import declared_embedding, relation_of
    from sqlembed.picture import image, neighbours, page

    is_page = out.suffix.lower() == ".html"
    (page if is_page else image).require()
    if method == "umap":
        neighbours.require()
    database = open_database(place)
    with database.connect() as connection:
        relation = relation_of(connection, table)
        declared = declared_embedding(connection, relation, embedding)
        with patience(f"placing the rows of {relation}"):
            picture = picture_of(connection, declared, Wish(color, method, k, filter, rows, seed))
    with patience(f"drawing {out}"):
        if is_page:
            out.write_text(page.page(picture), encoding="utf-8")
        else:
            image.save(picture, out)
    drawn = len(picture.points)
    if as_json:
        print_json(
            {
                "table": relation,
                "embedding": declared.name,
                "method": method,
                "color": color,
                "rows": drawn,
                "groups": [
                    {"name": group.name, "rows": len(group.members)} for group in picture.groups
                ]
                if picture.values is None
                else [],
                "out": str(out),
            }
        )
    else:
        click.echo(f"{drawn} row{'' if drawn == 1 else 's'} of {relation}: {out}")
