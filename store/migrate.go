package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"slices"
	"sync"

	"github.com/pressly/goose/v3"

	omen "github.com/omenhq/omen"
)

//go:embed migrations/*.sql
var migrations embed.FS

// begun reports whether a database has Omen's tables. One that has others is
// [omen.ErrSchema]: they are another program's.
func begun(ctx context.Context, db *sql.DB) (bool, error) {
	var ours, others int
	err := db.QueryRowContext(ctx, `SELECT count(*) FILTER (WHERE name = 'journal'),
		count(*) FILTER (WHERE name NOT IN ('goose_db_version', 'sqlite_sequence'))
		FROM sqlite_schema WHERE type = 'table'`).Scan(&ours, &others)
	if err == nil && ours == 0 && others > 0 {
		err = omen.WithHint(fmt.Errorf("%w: it is another program's database", omen.ErrSchema),
			"Omen leaves it as it is: give another --storage.path, or a file that omen backup wrote")
	}
	return ours > 0, err
}

// refuseForeign looks at a file before it is opened for good, which puts it into
// WAL mode: ours are, and others should stay as they are.
func refuseForeign(ctx context.Context, path string) error {
	header := make([]byte, 20)
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	_, err = io.ReadFull(f, header)
	const version, rollback = 18, 1 // https://www.sqlite.org/fileformat.html
	if err = errors.Join(err, f.Close()); err != nil || header[version] != rollback {
		return nil //nolint:nilerr // it is new, or damaged: the opening says so
	}
	db, err := sql.Open("sqlite", readOnly(path))
	if err != nil {
		return err
	}
	if _, err = begun(ctx, db); !errors.Is(err, omen.ErrSchema) {
		err = nil
	}
	return errors.Join(err, db.Close())
}

// readOnly is the data source name of a look into a database that changes nothing.
func readOnly(path string) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?mode=ro&_pragma=busy_timeout(10000)"
}

func migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	if _, err := begun(ctx, db); err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	current, target, err := p.GetVersions(ctx)
	if err != nil {
		return err
	}
	if current > target {
		return omen.WithHint(fmt.Errorf("%w: it has version %d, this Omen knows up to %d", omen.ErrSchema, current, target),
			"the database was written by a newer Omen: run that one, or give this one another --storage.path")
	}
	_, err = p.Up(ctx)
	return err
}

// checkTables reports tables that are not as the migrations make them as
// [omen.ErrCorrupt]: a bit that flips in a column's name or type is no damage to
// SQLite. What is there besides is somebody's own.
func checkTables(ctx context.Context, db *sql.DB) error {
	want, err := ourColumns()
	if err != nil {
		return fmt.Errorf("make tables to compare with: %w", err)
	}
	is, err := columns(ctx, db)
	if err != nil {
		return err
	}
	for _, c := range want {
		if !slices.Contains(is, c) {
			return fmt.Errorf("%w: there is no column %s", omen.ErrCorrupt, c)
		}
	}
	return nil
}

// ourColumns are the columns of a new database.
var ourColumns = sync.OnceValues(func() (all []string, err error) {
	db, err := sql.Open("sqlite", "file::memory:")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1) // each has a database of its own
	if err = migrate(context.Background(), db); err == nil {
		all, err = columns(context.Background(), db)
	}
	return all, errors.Join(err, db.Close())
})

// columns are all columns of tables that are not a library's, as text for people.
func columns(ctx context.Context, db *sql.DB) ([]string, error) {
	return query(ctx, db, func(rows *sql.Rows) (column string, err error) {
		err = rows.Scan(&column)
		return column, err
	}, `SELECT lower(t.name || '.' || c.name || ' ' || c.type || iif(c.pk, ' primary key ' || c.pk, '') || iif(c."notnull", ' not null', '') || coalesce(' default ' || c.dflt_value, ''))
		FROM sqlite_schema t JOIN pragma_table_info(t.name) c
		WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' AND t.name <> 'goose_db_version'`)
}
