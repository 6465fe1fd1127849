/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The core of every virtio device (virtio-v1.2 chapters 2 and 3): feature negotiation, status, queue
 * geometry, configuration space, reset. Transports (virtio_pci.h, virtio_mmio.h) show it to the
 * guest; a device is a struct iol_virtio_ops and its data.
 *
 * The device status, as the driver drives it (2.1, 3.1.1):
 *
 *            ACKNOWLEDGE       DRIVER          FEATURES_OK            DRIVER_OK
 *   0 (reset) ---------> [1] -------> [1|2] ----------------> [1|2|8] ---------> [1|2|8|4]
 *       ^                      features are written   |  queues are set up             |
 *       |                      here only              |  here only                     | a rule is broken
 *       |                                  refused: the bit stays 0                    v
 *       +------- 0 written; reads 0 once nothing is in flight ----------- [.. | NEEDS_RESET]
 *
 * A write that clears other bits, or sets them out of order, is ignored. FEATURES_OK is refused unless
 * the driver took VIRTIO_F_VERSION_1 and nothing that was not offered.
 *
 * Threads: registers are accessed on vCPU threads under the device's lock. Queues are served on
 * the loop's thread, which takes over a copy of their geometry at DRIVER_OK and gives it up at reset;
 * so what the driver writes later cannot change a queue in use (G11).
 */
#ifndef IOLITE_VIRTIO_H
#define IOLITE_VIRTIO_H

#include <iolite/device.h>
#include <iolite/kick.h>
#include <iolite/log.h>
#include <iolite/loop.h>
#include <iolite/virtqueue.h>

enum {
	IOL_VIRTIO_QUEUES_MAX = 32,
	IOL_VIRTIO_CONFIG_BYTES = 256, /* device-specific configuration, at most */
};

struct iol_virtio;
struct iol_virtio_transport;

struct iol_virtio_ops {
	const char *name; /* "virtio-blk" */
	uint16_t device_id; /* virtio-v1.2 chapter 5 */
	uint32_t pci_class; /* 24 bits */
	/*
	 * FEATURES_OK was taken: v->features are final, and config[] may be made to fit them
	 * before the driver reads it. NULL: nothing to do. [vcpu], under the lock
	 */
	void (*features_ok)(struct iol_virtio *v);
	/* DRIVER_OK: v->features are final and the queues started. NULL: nothing to do. [loop] */
	void (*start)(struct iol_virtio *v);
	/*
	 * There may be chains in queue @queue: takes them by iol_virtio_pop() until there are none,
	 * or as many as the queue has entries (G13). True: there may be more. [loop]
	 */
	bool (*serve)(struct iol_virtio *v, unsigned int queue);
	/*
	 * Reset was asked for: what has not gone to a backend yet is to be ended now, all the rest
	 * pushed as it completes. Nothing is popped any more. Not called where DRIVER_OK did not come
	 * to the loop. NULL: nothing to do. [loop]
	 */
	void (*stop)(struct iol_virtio *v);
	/*
	 * A rule was broken, by whatever queue: whoever has been lent queues is to be stopped now, and they are taken
	 * back. NULL: nothing to do. [loop]
	 */
	void (*broken)(struct iol_virtio *v);
	/* Asks backends for an early end of what is in flight. NULL: nothing to do. [loop] */
	void (*cancel)(struct iol_virtio *v);
	/* Power-on: the configuration space holds what it did at first. NULL: nothing to do.
	 * [loop or vcpu], under the lock */
	void (*reset)(struct iol_virtio *v);
	/*
	 * The driver has written config[offset, offset + len), in bytes that are writable. NULL:
	 * nothing to do. [vcpu], under the lock
	 */
	void (*config_written)(struct iol_virtio *v, unsigned int offset, unsigned int len);
	/* Frees the device; nothing is in flight. [loop] */
	void (*free)(struct iol_virtio *v);
};

struct iol_virtio_queue {
	/* Registers, under the lock. */
	uint16_t size_max;
	uint16_t size;
	bool enabled;
	uint64_t desc_gpa, avail_gpa, used_gpa;
	/* The loop's. */
	struct iol_virtqueue vq;
	struct iol_op kick_op;
	uint64_t kick_count;
	bool pushed; /* since the last publish */
	bool paused; /* by the device: not served, and no kicks wanted */
	bool lent; /* to another server: neither ring is touched, no kick is read */
	bool kick_withdrawn; /* kick_op was cancelled when the queue was lent, and is not done yet */
	int call_fd; /* eventfd by which that server tells of used chains; -1: never lent; owned */
	struct iol_op call_op;
	uint64_t call_count;
	struct iol_kick kick; /* rung by KVM and transports on any thread */
	struct iol_virtio *owner;
};

/* What the transport does for the core. */
struct iol_virtio_transport_ops {
	/* Queue @queue has used chains the driver wants to hear of. [loop] */
	void (*interrupt_queue)(struct iol_virtio_transport *t, unsigned int queue);
	/* Configuration or NEEDS_RESET changed. [any], without the lock */
	void (*interrupt_config)(struct iol_virtio_transport *t);
	/*
	 * Interrupts of queue @queue are asked for by eventfd @call_fd from now on: the kernel may be told to turn it
	 * into the interrupt by itself, wherever it can at the time; -1: no longer. Whatever can be read from it is
	 * read, and comes by interrupt_queue(). NULL: there is no such way. [loop]
	 */
	void (*bind_call)(struct iol_virtio_transport *t, unsigned int queue, int call_fd);
	/* A reset is over: the transport's own registers at power-on. [any], under the lock */
	void (*reset_done)(struct iol_virtio_transport *t);
};

struct iol_virtio_transport {
	const struct iol_virtio_transport_ops *ops;
};

enum iol_virtio_state {
	IOL_VIRTIO_STOPPED,
	IOL_VIRTIO_RUNNING,
	IOL_VIRTIO_BROKEN, /* NEEDS_RESET: rings are no longer touched */
	IOL_VIRTIO_DRAINING, /* reset asked for, something is in flight */
};

/* Since the device was made. What another server does with queues that it has been lent is not among them. */
struct iol_virtio_counts {
	uint64_t
		kicks; /* that woke the loop: none while it polls, and several that come together are one */
	uint64_t interrupts; /* of queues */
	uint64_t chains; /* that were ended, whatever became of them */
	uint64_t out_bytes,
		in_bytes; /* of chains: readable ones, and such that were written to the guest */
	uint64_t mistakes; /* rules that the driver broke: the device waited for a reset */
};

struct iol_virtio {
	const struct iol_virtio_ops *ops;
	struct iol_virtio_transport *transport; /* set by the transport */
	struct iol_loop *loop;
	const struct iol_memory *memory;
	const char *name; /* for messages; owned */
	unsigned int queue_count;
	struct iol_virtio_queue *queues;

	pthread_mutex_t lock; /* of all registers */
	uint64_t offered; /* features */
	uint64_t driver_features; /* as written */
	uint64_t features; /* as agreed at FEATURES_OK */
	uint8_t status;
	bool resetting; /* 0 was written, the loop has not finished; status still reads as before */
	bool loop_has_it; /* DRIVER_OK was passed to the loop since the last reset */
	uint8_t config_generation;
	bool config_changed; /* since the driver last read of it; the generation follows then */
	unsigned int config_bytes;
	uint8_t config[IOL_VIRTIO_CONFIG_BYTES]; /* little-endian, as the driver reads it */
	uint8_t config_writable[IOL_VIRTIO_CONFIG_BYTES]; /* bits that the driver may change */

	/* The loop's. */
	enum iol_virtio_state state;
	bool finishing; /* kicks are no longer awaited */
	unsigned int in_flight; /* chains popped and not pushed, over all queues */
	struct iol_post post; /* status changed */
	struct iol_turn_end publish; /* something was pushed */
	struct iol_poller poller;
	struct iol_quiesce *quiesce; /* waits for us */
	struct iol_log_limit log_limit;
	struct iol_virtio_counts counts;
};

struct iol_virtio_env {
	struct iol_loop *loop;
	const struct iol_memory *memory;
	int vm_fd; /* -1: tests; kicks come only by iol_virtio_notify() */
};

/*
 * Fills @v, which a device embeds. @features are the device's own; the core adds VERSION_1,
 * INDIRECT_DESC and EVENT_IDX. @queue_size is a power of two. The caller then fills config[]. On
 * failure nothing is left behind.
 */
int iol_virtio_init(struct iol_virtio *v, const struct iol_virtio_ops *ops,
		    const struct iol_virtio_env *env, const char *name, unsigned int queue_count,
		    uint16_t queue_size, uint64_t features, unsigned int config_bytes,
		    struct iol_error *err);
/* For ops->free(). Nothing is in flight; pending kicks are taken back. [loop] */
void iol_virtio_finish(struct iol_virtio *v);

/* --- for devices, on the loop's thread --- */

/* As iol_virtqueue_pop(); a broken rule breaks the device and reads as 0: no chain. */
bool iol_virtio_pop(struct iol_virtio *v, unsigned int queue, struct iol_chain *chain,
		    struct iovec *iov, unsigned int iov_max);

/* Ends the chain of @head; published and signalled at the end of the turn. Each popped chain exactly once. */
void iol_virtio_push(struct iol_virtio *v, unsigned int queue, uint16_t head, uint32_t written);

/*
 * A device that waits for something else than chains leaves what is in queue @queue where it is: the
 * queue is not served and the driver need not kick, until iol_virtio_resume() has it served soon.
 * Pausing twice is once; a queue that is not paused is not resumed; DRIVER_OK resumes all.
 */
void iol_virtio_pause(struct iol_virtio *v, unsigned int queue);
void iol_virtio_resume(struct iol_virtio *v, unsigned int queue);

/* What another server needs to serve a queue. */
struct iol_virtio_loan {
	struct iol_virtqueue_rings rings;
	int kick_fd; /* eventfd, rung by the driver; borrowed */
	int call_fd; /* eventfd, to be rung when the driver wants to hear of used chains; borrowed */
};

/*
 * Gives queue @queue, which the driver enabled and which is not lent, to another server (the kernel's vhost), until
 * iol_virtio_take_back(): till then it is not served, polled or paused here, and its kicks are not read. Nothing is
 * left in flight: -EBUSY. -errno: no eventfd. Both leave it as it was. The device is running.
 */
int iol_virtio_lend(struct iol_virtio *v, unsigned int queue, struct iol_virtio_loan *loan,
		    struct iol_error *err);
/*
 * The server has stopped, with nothing in flight, before the chain of @avail_idx. A device that runs serves the queue
 * from there, or from the first of the chains just before that the server took and lost; in any other state @avail_idx
 * means nothing. Each lent queue is taken back in ops->stop() at the latest.
 */
void iol_virtio_take_back(struct iol_virtio *v, unsigned int queue, uint16_t avail_idx);

/* The driver broke a rule: NEEDS_RESET (2.1.2), one rate-limited line in the log. */
void iol_virtio_break(struct iol_virtio *v, const char *fmt, ...) iol_printf(2, 3);

static inline bool iol_virtio_has(const struct iol_virtio *v, unsigned int feature)
{
	return v->features >> feature & 1;
}

/* Changes the configuration space and tells the driver, if there is one. [loop] */
void iol_virtio_set_config(struct iol_virtio *v, unsigned int offset, const void *buf,
			   unsigned int len);

/* --- for transports: registers, on vCPU threads; all take the lock --- */

uint32_t iol_virtio_device_features(struct iol_virtio *v, uint32_t select); /* 32 bits each */
uint32_t iol_virtio_driver_features(struct iol_virtio *v, uint32_t select);
void iol_virtio_set_driver_features(struct iol_virtio *v, uint32_t select, uint32_t value);
uint8_t iol_virtio_status(struct iol_virtio *v);
/* True when 0 was written and the reset is not over yet: transport->ops->reset_done() will tell. */
bool iol_virtio_set_status(struct iol_virtio *v, uint32_t value);
uint8_t iol_virtio_config_generation(struct iol_virtio *v);

enum iol_virtio_queue_register {
	IOL_VIRTIO_QUEUE_SIZE_MAX, /* read-only */
	IOL_VIRTIO_QUEUE_SIZE,
	IOL_VIRTIO_QUEUE_ENABLED,
	IOL_VIRTIO_QUEUE_DESC_LOW,
	IOL_VIRTIO_QUEUE_DESC_HIGH,
	IOL_VIRTIO_QUEUE_AVAIL_LOW,
	IOL_VIRTIO_QUEUE_AVAIL_HIGH,
	IOL_VIRTIO_QUEUE_USED_LOW,
	IOL_VIRTIO_QUEUE_USED_HIGH,
};

/* @queue is the guest's: one that does not exist reads as 0 and is not written. */
uint32_t iol_virtio_queue_read(struct iol_virtio *v, uint32_t queue,
			       enum iol_virtio_queue_register reg);
/* Ignored outside of queue set-up (see the drawing) and for a queue that is enabled. */
void iol_virtio_queue_write(struct iol_virtio *v, uint32_t queue,
			    enum iol_virtio_queue_register reg, uint32_t value);

/* Bytes beyond the end read as zero. @len is 1, 2, 4 or 8. */
uint64_t iol_virtio_config_read(struct iol_virtio *v, uint64_t offset, unsigned int len);
void iol_virtio_config_write(struct iol_virtio *v, uint64_t offset, unsigned int len,
			     uint64_t value);

/* The driver kicked @queue; any number is allowed. [any] */
void iol_virtio_notify(struct iol_virtio *v, uint32_t queue);

/* For the transport's struct iol_device_ops, with their meanings. */
bool iol_virtio_quiesce(struct iol_virtio *v, struct iol_quiesce *quiesce);
void iol_virtio_cancel(struct iol_virtio *v);
void iol_virtio_reset(struct iol_virtio *v);

#endif
