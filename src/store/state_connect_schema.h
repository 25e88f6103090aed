/* A step of the schema: signatures under countermeasures, and the outbox of the connectors. */
#ifndef STORE_STATE_CONNECT_SCHEMA_H
#define STORE_STATE_CONNECT_SCHEMA_H

extern const char state_connect_schema[];

#endif
