/* What instruments look at: one event, looked up once. Texts are borrowed from the event (or its batch's
 * arena) and valid during see() only. */
#ifndef INSTRUMENT_SIGHT_H
#define INSTRUMENT_SIGHT_H

#include "base/ip.h"
#include "event/batch.h"

/* An event may be several of these. */
enum sight_kind {
    SIGHT_FLOW = 1 << 0,      /* two addresses and a port or protocol: firewall, flow, proxy, IDS */
    SIGHT_DNS = 1 << 1,       /* a question */
    SIGHT_WEB = 1 << 2,       /* a URL, a domain asked of a proxy, an HTTP transaction */
    SIGHT_MAIL = 1 << 3,      /* a mail server or gateway speaks of a mail */
    SIGHT_PROCESS = 1 << 4,   /* a program was started */
    SIGHT_ALERT = 1 << 5,     /* an IDS or IPS signature */
    SIGHT_MALWARE = 1 << 6,   /* an antivirus verdict about something bad */
    SIGHT_ADMISSION = 1 << 7, /* NAC: a host was let in or refused */
    SIGHT_FILE = 1 << 8,
    SIGHT_LOGON = 1 << 9,
    SIGHT_IRC = 1 << 10,
    SIGHT_ICMP = 1 << 11,
    SIGHT_SERVICE = 1 << 12, /* a service was installed; program is its image */
    SIGHT_TLS = 1 << 13,
    SIGHT_PORTS = 1 << 14,   /* the port scan of our own found a port open, or a host done */
    SIGHT_CONTROL = 1 << 15, /* a control of the host says in what state it is */
    SIGHT_ANY = 0x7fffffff,
};

/* As registered in the inventory (hosts.csv, role and type) for the actor. */
enum sight_role {
    ROLE_MAIL_SERVER = 1 << 0,
    ROLE_DNS_SERVER = 1 << 1,
    ROLE_PROXY = 1 << 2,
    ROLE_SCANNER = 1 << 3,
    ROLE_AV_MANAGER = 1 << 4,
    ROLE_SERVER = 1 << 5, /* any *-server, domain-controller, or type server */
    ROLE_ADMINISTRATOR = 1 << 6,
    ROLE_LAPTOP = 1 << 7,
    ROLE_MONITORING = 1 << 8,   /* calls others at fixed times */
    ROLE_DISTRIBUTION = 1 << 9, /* writes software to many hosts */
    ROLE_BACKUP = 1 << 10,
};

/* Registered exceptions (exceptions.csv) that cover the event and have not expired. */
enum sight_exception {
    EXCEPTED_SCANNER = 1 << 0,
    EXCEPTED_SMTP = 1 << 1,
    EXCEPTED_DNS = 1 << 2,
    EXCEPTED_APPLICATION = 1 << 3,
    EXCEPTED_LISTENING = 1 << 4,
    EXCEPTED_DESTINATION = 1 << 5,
    EXCEPTED_CHANGE = 1 << 6, /* an approved change, in its window */
    EXCEPTED_BACKUP = 1 << 7,
    /* the communication itself is registered: where it goes and how often is known */
    EXCEPTED_COMMUNICATION = EXCEPTED_SMTP | EXCEPTED_DESTINATION | EXCEPTED_BACKUP,
};

/* Did the other side answer? Spec 2.6: a denial, a reset or no reply is a failure; bytes from the other side
 * are a success; what is merely allowed says nothing. */
enum answer { ANSWER_UNKNOWN, ANSWER_NO, ANSWER_YES };

/* Is the program signed? */
enum signed_state { SIGNED_UNKNOWN, SIGNED_NO, SIGNED_YES };

struct end {
    struct str text; /* address as written, "" when unknown */
    struct str name; /* as registered in the inventory, "" when it is not */
    struct ip ip;
    bool is_known;  /* text is an address */
    bool is_inside; /* ours: by the inventory's networks (hyakuyo.direction), else a private address */
    struct str zone, department;
};

struct sight {
    const struct event *event;
    int64_t time_ns;
    uint32_t kinds, roles, exceptions;
    bool is_sensor;      /* in a sensor department (S113) */
    struct str ip, name; /* of the actor: the inside source, else the host that the event is about */
    struct str host_ip, host_name; /* of the host that the event is about, whoever acted on it */
    struct str user, department;   /* "" when unknown */
    struct str asset_type;
    struct end source, destination;
    struct str key; /* the actor for tables, in lower case: registered name, else address, else name;
                       "" = nobody of ours */
    uint64_t key_hash, registered_hash,
        destination_hash; /* str_hash of key, registered_domain, destination.text */

    uint8_t protocol; /* IANA: 1 ICMP, 6 TCP, 17 UDP; 0 unknown */
    uint16_t port;    /* destination; 0 unknown */
    enum passage passage;
    enum answer answer;
    bool is_backscatter; /* the source sent nothing: somebody answers what it never asked */
    bool is_broadcast;   /* to everybody in the network, or a group: nobody in particular has to answer */
    int64_t bytes_out, bytes_in; /* by the source, by the destination; −1 unknown */
    int64_t duration_ns;         /* −1 unknown */
    struct str application;      /* network.protocol or application, lower case as ECS wants it */

    struct str domain;            /* asked for: web, TLS server name, or question; "" when none */
    struct str registered_domain; /* eTLD+1 by the public suffix list; the domain itself when it has none */
    struct str question_type;     /* "A", "MX", …; "" when no question */
    struct str response_code;     /* "NOERROR", "NXDOMAIN", …; "" when the answer was not seen */

    struct str program, parent, sha256;           /* process.executable or name; hash of process or file */
    struct str signature_id, signature, category; /* rule.id, rule.name, rule.category of an alert */
    struct str malware, family;

    enum signed_state signature_state; /* of the program */
    struct str signer, command_line;
    int64_t process_id; /* −1 unknown */
    struct str list;    /* what launch control's list says of the program: "not-listed" */
    struct str action, reason;
    struct str service; /* of an installation */
    struct str file_path, file_target, file_extension, file_share;
    int64_t file_count;                       /* of a summary: so many files; −1 unknown */
    struct str file_window;                   /* in this time: "60s" */
    bool is_change, is_creation, is_deletion; /* event.type */
    struct str control_realtime, control_state, control_scan;
    struct str scan_state, scan_extent; /* an antivirus scan of the host: "completed", "full" */
    struct str dataset;
    struct str port_banner, port_coverage, port_scan_id; /* of SIGHT_PORTS; `port` is the listening one */
    bool port_confirmed;                                 /* probed again, and open again */
};

/* False when there is nothing in it for any instrument (parse failures, canaries). */
bool sight_fill(struct sight *s, const struct event *e, struct arena *a);

/* Whether to go there again and again is the registered work of the host: a monitoring server, or a mail
 * server on the ports of mail. Rhythm says nothing then. */
bool sight_is_duty(const struct sight *s);

#endif
