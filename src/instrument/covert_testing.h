/* What the tests of the covert-channel instruments have in common: chance with a seed, and the logs of a
 * proxy, a firewall and a resolver. */
#ifndef INSTRUMENT_COVERT_TESTING_H
#define INSTRUMENT_COVERT_TESTING_H

#include <stdint.h>
#include <stdio.h>

#include "instrument/testing.h"

#define HOUR     3600.0
#define DAY      (24 * HOUR)
#define MORNING  (-9 * HOUR) /* 2025-11-10 00:00 in Tokyo, the harness's zone */
#define INFECTED "10.20.10.21"

static uint64_t random_state;

static inline double uniform(void)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(random_state >> 11) / 9007199254740992.0;
}

static inline size_t visit(struct trial *t, double at, const char *from, const char *domain, int bytes_in,
                           const char *more)
{
    char text[400];
    snprintf(
        text, sizeof text,
        "event.category=web;source.ip=%s;url.domain=%s;destination.ip=203.0.113.140;destination.port=443;"
        "network.transport=tcp;destination.bytes=%d;observer.type=proxy%s",
        from, domain, bytes_in, more);
    return trial_event(t, at, text);
}

static inline size_t flow(struct trial *t, double at, const char *from, const char *to, int port,
                          const char *more)
{
    char text[400];
    snprintf(
        text, sizeof text,
        "event.category=network;source.ip=%s;destination.ip=%s;destination.port=%d;network.transport=tcp;%s",
        from, to, port, more);
    return trial_event(t, at, text);
}

static inline size_t question(struct trial *t, double at, const char *from, const char *name,
                              const char *type, const char *more)
{
    char text[600];
    snprintf(text, sizeof text,
             "event.category=network;source.ip=%s;destination.ip=10.10.0.53;destination.port=53;"
             "dns.question.name=%s;dns.question.type=%s%s",
             from, name, type, more);
    return trial_event(t, at, text);
}

static inline const char *host(int n, char text[20])
{
    snprintf(text, 20, "10.20.30.%d", n);
    return text;
}

/* So many hosts that prevalence means something: each visits the intranet's favourite once. */
static inline void staff(struct trial *t, double at, int count)
{
    char from[20];
    for (int n = 1; n <= count; n++)
        visit(t, at + n, host(n, from), "www.favourite.example", 5000, "");
}

static inline size_t beacons(const struct trial *t, const char *who)
{
    return trial_count(t, "beacon_strong", who) + trial_count(t, "beacon_likely", who);
}

static inline void tunnel(struct trial *t, double at, int names, const char *from, const char *below,
                          const char *type)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
    for (int n = 0; n < names; n++) {
        char name[120] = {0};
        for (int k = 0; k < 48; k++)
            name[k] = alphabet[(int)(uniform() * 32)];
        snprintf(name + 48, sizeof name - 48, ".%s", below);
        question(t, at + 20.0 * n, from, name, type, "");
    }
}

#endif
