/* What the helper can be asked for. */
#include "request.h"
#include "sys.h"

const struct verb verbs[] = {
	{"hello", verb_hello},       {"probe", verb_probe},
	{"scan", verb_scan},         {"read", verb_read},
	{"measure", verb_measure},   {"pageout", verb_pageout},
	{"cold", verb_cold},         {"cancel", verb_cancel},
	{"swap_on", verb_swap_on},   {"swap_off", verb_swap_off},
	{"prefetch", verb_prefetch}, {"sample", verb_sample},
	{"learn", verb_learn},       {NULL, NULL},
};

const char usage[] = "usage: droidreclaim-helper VERB [KEY=VALUE ...]\n"
		     "       droidreclaim-helper serve [heartbeat_ms=N]\n"
		     "verbs: hello probe scan read measure sample learn pageout cold prefetch "
		     "swap_on swap_off\n";

/* Nothing is left to do here: the request at work looks for a cancel between its steps. */
int verb_cancel(const struct request *request, const char **why)
{
	struct span of;

	return request_check(request, "of", why) || !request_value(request, "of", &of) ? -EINVAL :
											 0;
}
