/* Steps of the schema: tables of the work on incidents, and the registers around it. */
#ifndef STORE_STATE_WORK_SCHEMA_H
#define STORE_STATE_WORK_SCHEMA_H

extern const char state_work_schema[];
extern const char state_registers_schema[];
extern const char state_custody_schema[];

#endif
