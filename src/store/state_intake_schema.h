/* Step 21 of the schema: tables of what users report. */
#ifndef STORE_STATE_INTAKE_SCHEMA_H
#define STORE_STATE_INTAKE_SCHEMA_H

extern const char state_intake_schema[];

#endif
