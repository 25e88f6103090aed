/* Step 20 of the schema: tables of the work on incidents. */
#ifndef STORE_STATE_WORK_SCHEMA_H
#define STORE_STATE_WORK_SCHEMA_H

extern const char state_work_schema[];

#endif
