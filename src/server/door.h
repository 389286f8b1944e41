// Who is let in, and when: the listening socket, and the limit of connections an address.
//
// Over the limit a connection is not refused but waits until one of the same address ends: jobs behind
// one proxy or gateway share an address.
#ifndef ATLAS_SERVER_DOOR_H
#define ATLAS_SERVER_DOOR_H

#include <sys/socket.h>

#include "atlas/server.h"

typedef struct Door Door;
typedef struct Visitor Visitor; // an address with connections inside or waiting

struct MHD_Daemon;

// Listens. E_USAGE: an address that cannot be understood, or would expose tokens.
Err *door_open(Door **out, const ServerOptions *o, Arena *mem) MUST_USE;
// "127.0.0.1:8484", the port that was really taken.
const char *door_address(const Door *d, Arena *mem);
// From now on connections are handed to the daemon.
void door_serve(Door *d, struct MHD_Daemon *daemon);
// Lets in who waits and fits; to be called after connections have ended.
void door_admit(Door *d);
void door_close(Door *d);

// The address of a connection that came in, for the two below.
Visitor *door_visitor(Door *d, const struct sockaddr *address);
void door_left(Door *d, Visitor *v);
// Others of this address wait: connections should end soon.
bool door_is_crowded(const Visitor *v);

#endif
