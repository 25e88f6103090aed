/* Inputs: the world → raw records in batches, handed to a sink (the journal). One loop thread runs all TCP
 * servers and tailed files; each UDP socket has a thread of its own, so that nothing delays its reading.
 *
 * Back-pressure: when the sink is full, TCP connections and files are not read any further; datagrams are
 * read, counted as lost for their sender and dropped, for the network would drop them uncounted.
 *
 * The source of a record (struct record, .sender) is the peer's address for UDP and TCP, the path for tailed
 * files, the source name for HTTP.
 *
 * Life: inputs_new() → inputs_add() … → inputs_start() → inputs_stop() → inputs_free(). */
#ifndef INPUT_INPUT_H
#define INPUT_INPUT_H

#include "base/error.h"
#include "event/submission.h"

struct input_sink {
    void *context;
    /* Any thread, must not block. True: the sink owns it. False: full; try again (inputs_room, or some ms
     * later). */
    bool (*submit)(void *context, struct submission *s);
};

/* 0, NULL and false mean the default. Strings are copied. */
struct input_settings {
    const char *type; /* "syslog_udp", "syslog_tcp", "tail" */
    const char
        *name; /* for messages and counters; losses that no sender can be named for are counted under it */
    size_t max_message_bytes; /* 64 KiB; at most 16 MiB; longer records are cut and flagged */

    const char *address; /* of a local interface; default 127.0.0.1 */
    uint16_t port;       /* 0 = any free one: see inputs_port() */
    unsigned sockets;    /* UDP: sockets with SO_REUSEPORT, each with a thread; 2; at most 64 */
    size_t
        receive_buffer_bytes; /* UDP: SO_RCVBUF for each socket; default 32 MiB or what the system allows */
    unsigned max_connections; /* TCP: 4,096 */

    const char *const *patterns; /* tail: glob(7) patterns of absolute or relative paths */
    size_t pattern_count;
    bool starts_at_end; /* tail: files found at start without a cursor: only what is added from now on */
    unsigned poll_ms;   /* tail: how often to look without being told by inotify; 1,000 */
    unsigned rotated_wait_ms; /* tail: a rotated file without growth for so long is finished; 5,000 */
    unsigned max_files;       /* tail: 4,096 */
    const struct str
        *cursors; /* tail: from state and journal replay, oldest first; unknown ones are ignored */
    size_t cursor_count;
};

struct inputs;
struct inputs *inputs_new(const struct input_sink *sink, struct error *err) MUST_CHECK;
/* Binds at once, so that a port in use is a sentence here; receives nothing before the start. */
bool inputs_add(struct inputs *all, const struct input_settings *settings, struct error *err) MUST_CHECK;
bool inputs_start(struct inputs *all, struct error *err) MUST_CHECK;
uint16_t inputs_port(const struct inputs *all, const char *name); /* bound port, 0 when it has none */
/* A port of `address` (numeric) that is free for UDP and TCP alike; 0 when there is none. */
uint16_t inputs_free_port(const char *address);
/* The sink has room again. Any thread, cheap. */
void inputs_room(struct inputs *all);
/* Ends reading, hands over what was read; what the sink does not take within 2 s is counted as lost (files:
 * read again at the next start). The sink must still be taking. */
void inputs_stop(struct inputs *all);
void inputs_free(struct inputs *all);

/* Counters. `received` counts every record that reached us, those included that were then lost; so that for
 * each source and hour of receipt: received = handed to the sink + lost. After a crash, received of what was
 * in the journal is known from the replayed records. */
struct input_count {
    uint64_t received;
    uint64_t bytes; /* of received, framing removed */
    uint64_t lost;  /* kernel drops and datagrams without a place; part of received */
    uint64_t cut;   /* records longer than the limit */
    uint64_t cut_bytes;
    uint64_t bad_framing;
};

struct input_tally {
    struct str input; /* settings.name */
    enum transport transport;
    struct str
        sender; /* the record's sender; the input's name for kernel drops; "(other senders)" past 16,384 */
    int64_t hour_ns; /* start of the UTC hour of receipt; 0 in walk */
    struct input_count count;
};
typedef void input_tally_visit(void *context, const struct input_tally *tally);

/* Sums since the start. Any thread; the visitor must not call inputs_… */
void input_counters_walk(struct inputs *all, input_tally_visit *visit, void *context);
/* What came since the last take, by hour: for the balance, which adds it up. One taker. */
void input_counters_take(struct inputs *all, input_tally_visit *visit, void *context);

/* A counter table for an input that lives elsewhere (HTTP), walked with the others; owned by `all`. */
struct counters;
struct counters *inputs_counters(struct inputs *all, const char *name, enum transport transport);
void counters_add(struct counters *c, struct str sender, int64_t received_ns, const struct input_count *more);

/* Lines of a body → one batch (HTTP: plain lines, NDJSON). Empty lines are no records. NULL with a sentence
 * when there are more than 262,144 records; NULL with an empty sentence when there is none. `count` (may be
 * NULL) is what counters_add() wants once the batch is safe. */
#define RECORDS_PER_BODY_MAX 262144
struct batch *records_split(struct str body, struct str source_name, int64_t received_ns,
                            size_t max_message_bytes, struct input_count *count,
                            struct error *err) MUST_CHECK;

/* The cursors of tailed files, for the state: `identity` (a part of the cursor, names one file on one device)
 * is the key under which only the newest cursor need be kept. False: not a cursor. */
bool tail_cursor_parse(struct str cursor, struct str *identity, uint64_t *offset, struct str *path);

#endif
