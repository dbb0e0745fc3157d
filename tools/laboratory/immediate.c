/* Makes every live capture of a program immediate: LD_PRELOAD=immediate.so softflowd ...
 *
 * softflowd asks libpcap for a timeout of 0. With the TPACKET_V3 ring that means: hand over a block
 * of packets when it is full. On a quiet link a block fills in minutes, so packets arrive late, a
 * silence is seen by nobody, and idle flows do not end. Immediate mode hands over each packet. */
#include <dlfcn.h>
#include <pcap/pcap.h>

int pcap_activate(pcap_t *capture)
{
	int (*activate)(pcap_t *);

	/* POSIX defines this assignment; ISO C has no cast from object to function pointer. */
	*(void **)&activate = dlsym(RTLD_NEXT, "pcap_activate");
	if (!activate)
		return PCAP_ERROR;
	pcap_set_immediate_mode(capture, 1);
	return activate(capture);
}
