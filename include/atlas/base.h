// The ground every module stands on: memory, errors, text, values, time, files, the log.
#ifndef ATLAS_BASE_H
#define ATLAS_BASE_H

#include "atlas/base/arena.h"
#include "atlas/base/attr.h"
#include "atlas/base/buf.h"
#include "atlas/base/err.h"
#include "atlas/base/fs.h"
#include "atlas/base/host.h"
#include "atlas/base/json.h"
#include "atlas/base/list.h"
#include "atlas/base/log.h"
#include "atlas/base/map.h"
#include "atlas/base/str.h"
#include "atlas/base/time.h"
#include "atlas/base/url.h"
#include "atlas/base/value.h"
#include "atlas/base/xml.h"

#endif
