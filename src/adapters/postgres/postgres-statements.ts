import type { Statement } from './postgres-connection.ts';

function statement(name: string, text: string): Statement {
  return { name: `tidegate-${name}`, text };
}

/**
 * What the ledger asks of PostgreSQL; each statement is a transaction. Those that write begin with `head`, whose one row is locked
 * and compared in its newest state (READ COMMITTED looks at a row again after waiting for it), and do nothing when it isn't theirs.
 */
export const statements = {
  /**
   * $1 expected size, $2 new size, $3 token, $4 expected edge, $5 new edge, $6 lease in ms; entries: $7 streams, $8 leaf hashes one
   * after the other, $9 leaves one after the other, $10 where each begins (from 1), $11 its length; completed subtrees: $12 levels,
   * $13 indexes, $14 roots one after the other; blobs: $15 digests, $16 bytes, $17 where each begins, $18 its length.
   * Bytes are sent in one piece because an array of them would be sent as text, twice as long.
   */
  append: statement(
    'append',
    `WITH claimed AS (
      UPDATE tidegate.head
      SET size = $2, edge = $5, leased_until = clock_timestamp() + $6 * interval '1 millisecond'
      WHERE size = $1 AND token = $3 AND edge = $4
      RETURNING 1
    ), entries AS (
      INSERT INTO tidegate.entry (idx, stream, leaf_hash, leaf)
      SELECT $1::bigint + each.at - 1, each.stream, substr($8::bytea, (32 * (each.at - 1) + 1)::int, 32),
        substr($9::bytea, each.first, each.bytes)
      FROM claimed, unnest($7::text[], $10::int[], $11::int[]) WITH ORDINALITY AS each (stream, first, bytes, at)
    ), subtrees AS (
      INSERT INTO tidegate.subtree (level, idx, root)
      SELECT each.level, each.idx, substr($14::bytea, (32 * (each.at - 1) + 1)::int, 32)
      FROM claimed, unnest($12::int[], $13::bigint[]) WITH ORDINALITY AS each (level, idx, at)
    ), blobs AS (
      INSERT INTO tidegate.blob (sha256, bytes)
      SELECT substr($15::bytea, (32 * (each.at - 1) + 1)::int, 32), substr($16::bytea, each.first, each.bytes)
      FROM claimed, unnest($17::int[], $18::int[]) WITH ORDINALITY AS each (first, bytes, at)
      ON CONFLICT (sha256) DO NOTHING
    )
    SELECT count(*) AS claimed FROM claimed`,
  ),
  state: statement('state', 'SELECT size, edge, token, holder FROM tidegate.head'),
  head: statement(
    'head',
    `SELECT head.size, entry.leaf_hash FROM tidegate.head
     LEFT JOIN tidegate.entry ON entry.idx = head.size - 1`,
  ),
  page: statement(
    'page',
    `SELECT idx, stream, leaf_hash, leaf FROM tidegate.entry
     WHERE idx >= $1 AND idx < $2 ORDER BY idx LIMIT $3`,
  ),
  pageOfStream: statement(
    'page-of-stream',
    `SELECT idx, stream, leaf_hash, leaf FROM tidegate.entry
     WHERE stream = $4 AND idx >= $1 AND idx < $2 ORDER BY idx LIMIT $3`,
  ),
  blob: statement('blob', 'SELECT bytes FROM tidegate.blob WHERE sha256 = $1'),
  leafHashes: statement(
    'leaf-hashes',
    'SELECT leaf_hash AS hash FROM tidegate.entry WHERE idx >= $1 AND idx < $2 ORDER BY idx',
  ),
  subtreeRoots: statement(
    'subtree-roots',
    'SELECT root AS hash FROM tidegate.subtree WHERE idx >= $1 AND idx < $2 AND level = $3 ORDER BY idx',
  ),
  checkpoints: statement(
    'checkpoints',
    'SELECT size, note, kept FROM tidegate.checkpoint WHERE size >= $1 ORDER BY size',
  ),
  snapshot: statement('snapshot', 'SELECT bytes FROM tidegate.snapshot WHERE name = $1'),

  /** $1 token, $2 size, $3 note, $4 kept. */
  saveCheckpoint: statement(
    'save-checkpoint',
    `WITH held AS (SELECT 1 FROM tidegate.head WHERE token = $1 FOR SHARE),
    dropped AS (
      DELETE FROM tidegate.checkpoint WHERE size < $2 AND NOT kept AND EXISTS (SELECT 1 FROM held)
    ), saved AS (
      INSERT INTO tidegate.checkpoint (size, note, kept) SELECT $2::bigint, $3::text, $4::boolean FROM held
      ON CONFLICT (size) DO UPDATE SET note = excluded.note, kept = excluded.kept
    )
    SELECT count(*) AS held FROM held`,
  ),
  /** $1 token, $2 name, $3 bytes. */
  saveSnapshot: statement(
    'save-snapshot',
    `WITH held AS (SELECT 1 FROM tidegate.head WHERE token = $1 FOR SHARE),
    saved AS (
      INSERT INTO tidegate.snapshot (name, bytes) SELECT $2::text, $3::bytea FROM held
      ON CONFLICT (name) DO UPDATE SET bytes = excluded.bytes
    )
    SELECT count(*) AS held FROM held`,
  ),

  /** $1 id of the controller, $2 its name for people, $3 lease in ms. No row: somebody else has it. */
  acquire: statement(
    'acquire',
    `UPDATE tidegate.head
     SET token = token + 1, holder_id = $1, holder = $2,
       leased_until = clock_timestamp() + $3 * interval '1 millisecond'
     WHERE holder_id = $1 OR leased_until <= clock_timestamp()
     RETURNING token`,
  ),
  /** $1 token, $2 lease in ms. No row: it is lost. */
  renew: statement(
    'renew',
    `UPDATE tidegate.head SET leased_until = clock_timestamp() + $2 * interval '1 millisecond'
     WHERE token = $1 RETURNING token`,
  ),
  /** $1 token. */
  release: statement(
    'release',
    `UPDATE tidegate.head SET leased_until = '-infinity' WHERE token = $1`,
  ),
  holder: statement(
    'holder',
    `SELECT holder, token, greatest(0, extract(epoch FROM leased_until - clock_timestamp()) * 1000) AS left_ms
     FROM tidegate.head WHERE leased_until > clock_timestamp()`,
  ),
} as const;
