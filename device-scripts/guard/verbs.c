/* What the guard can be asked for. */
#include "request.h"
#include "sys.h"

const struct verb verbs[] = {
	{ "hello", verb_hello }, { NULL, NULL },
};

const char usage[] = "usage: droidreclaim-guard VERB [KEY=VALUE ...]\n"
		     "       droidreclaim-guard serve [heartbeat_ms=N]\n"
		     "verbs: hello\n";
