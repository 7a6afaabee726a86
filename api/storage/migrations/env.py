"""Run by Alembic: migrates over the connection that `api.storage.database.upgrade` hands it."""

from alembic import context
from sqlalchemy import Connection

from api.storage.tables import Base


def _migrate(connection: Connection) -> None:
    # SQLite cannot alter a column: batch mode copies the table instead, and does nothing special elsewhere.
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        compare_type=True,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


_migrate(context.config.attributes["connection"])
