#!/bin/sh
# The first start of the database: two roles, none of them superuser, and what only a superuser may create.
set -eu
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    -v owner="$OWNER_PASSWORD" -v app="$APP_PASSWORD" <<'SQL'
CREATE ROLE emite_owner LOGIN PASSWORD :'owner';
CREATE ROLE emite_app LOGIN PASSWORD :'app';
CREATE DATABASE emite OWNER emite_owner;
SQL
for extension in pg_trgm unaccent citext btree_gist; do
    psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname emite -c "CREATE EXTENSION IF NOT EXISTS $extension"
done
