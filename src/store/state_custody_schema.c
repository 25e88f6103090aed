/* Stage: store. A step of the schema: approvals about one thing, the end of evidence, calls of vendors
 * that were approved, and how an infection came in. The same columns as state_work.def. */
#include "store/state_work_schema.h"

/* clang-format off */
const char state_custody_schema[] =
"ALTER TABLE work_approval ADD COLUMN \"subject\" TEXT NOT NULL DEFAULT '';"
"ALTER TABLE work_evidence ADD COLUMN \"disposed\" INTEGER NOT NULL DEFAULT 0;"
"ALTER TABLE work_custody ADD COLUMN \"approved_by\" TEXT NOT NULL DEFAULT '';"
"ALTER TABLE work_custody ADD COLUMN \"how\" TEXT NOT NULL DEFAULT '';"
"ALTER TABLE work_custody ADD COLUMN \"until\" INTEGER NOT NULL DEFAULT 0;"
"ALTER TABLE work_invocation ADD COLUMN \"approval\" INTEGER NOT NULL DEFAULT 0;"
"ALTER TABLE work_case ADD COLUMN \"vector_kind\" TEXT NOT NULL DEFAULT '';"
"ALTER TABLE work_case ADD COLUMN \"vector_by\" TEXT NOT NULL DEFAULT '';"
"CREATE INDEX work_evidence_by_location ON work_evidence (location, id);";
/* clang-format on */
