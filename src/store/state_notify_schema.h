/* A step of the schema: what somebody is told, the outbox, and how far the record was read for it. */
#ifndef STORE_STATE_NOTIFY_SCHEMA_H
#define STORE_STATE_NOTIFY_SCHEMA_H

extern const char state_notify_schema[];

#endif
