/* Building a record piece by piece, and handing it over. */
#ifndef LITHIFY_RECORD_H
#define LITHIFY_RECORD_H

#include "copies.h"

/* The highest offset at which a piece of full length still fits. */
#define OFFSET_MAX (RECORD_MAX - TEXT_MAX - sizeof(struct piece))

#define HEADER(frame) ((struct header *)(frame)->record)

/* Where a piece of up to TEXT_MAX bytes can go; 0: the record is full, and says so. */
static __always_inline u8 *piece_room(struct frame *frame)
{
	u32 offset = frame->offset;
	barrier_var(offset);
	if (offset > OFFSET_MAX) {
		HEADER(frame)->flags |= FLAG_TRUNCATED;
		return 0;
	}
	return &frame->record[offset];
}

/* Closes the piece at `room` that holds `length` bytes. */
static __always_inline void piece_end(struct frame *frame, u8 *room, u32 kind, u32 slot, u32 length)
{
	struct piece *piece = (struct piece *)room;
	piece->kind = kind;
	piece->slot = slot;
	piece->length = length;
	frame->offset += sizeof(*piece) + length;
}

/* Kind and slot of a piece in one argument. */
#define PIECE(kind, slot) ((kind) << 8 | (slot))

/* Functions that take only numbers are verified once each, on their own, and not at every call: that keeps the
 * programs far below the verifier's limit. Pointers therefore travel as numbers, and each finds the frame itself. */

/* A text of the caller. Returns its length with the zero, 0 if it cannot be read. */
__noinline int piece_string(u64 text, u32 kind_slot)
{
	struct frame *frame = frame_of_cpu();
	u8 *room = frame ? piece_room(frame) : 0;
	if (!room)
		return 0;
	long length = path_read(room + sizeof(struct piece), TEXT_MAX, text);
	if (length <= 0)
		return 0;
	piece_end(frame, room, kind_slot >> 8, kind_slot & 0xff, length);
	return length;
}

/* A text of the kernel. */
__noinline int piece_kernel_string(u64 text, u32 kind_slot)
{
	struct frame *frame = frame_of_cpu();
	u8 *room = frame ? piece_room(frame) : 0;
	if (!room)
		return 0;
	long length = bpf_probe_read_kernel_str(room + sizeof(struct piece), TEXT_MAX, (void *)text);
	if (length > 0)
		piece_end(frame, room, kind_slot >> 8, kind_slot & 0xff, length);
	return 0;
}

/* Bytes of the caller; what lies past TEXT_MAX is cut. */
__noinline int piece_user(u64 from, u64 length, u32 kind_slot)
{
	struct frame *frame = frame_of_cpu();
	u8 *room = frame ? piece_room(frame) : 0;
	if (!room || !length || !from)
		return 0;
	if (length > TEXT_MAX)
		length = TEXT_MAX;
	if (bpf_probe_read_user(room + sizeof(struct piece), length, (void *)from) == 0)
		piece_end(frame, room, kind_slot >> 8, kind_slot & 0xff, length);
	return 0;
}

/* A socket address of the caller. */
__noinline int piece_address(u64 from, u32 length, u32 kind_slot)
{
	struct frame *frame = frame_of_cpu();
	u8 *room = frame ? piece_room(frame) : 0;
	if (!room || !length || !from)
		return 0;
	if (length > ADDRESS_MAX)
		length = ADDRESS_MAX;
	if (address_read(room + sizeof(struct piece), length, from) == 0)
		piece_end(frame, room, kind_slot >> 8, kind_slot & 0xff, length);
	return 0;
}

/* The ring buffer has room for another event of this kind? */
static __always_inline long ring_has_room(u64 used, struct settings *settings, u32 kind)
{
	return kind != RECORD_SYSCALL || used < settings->full_bytes;
}

/* Sends the record and counts it. Nobody is woken until much is queued: the reader comes by itself. */
static __always_inline void record_send(struct frame *frame, struct settings *settings, u32 count_index)
{
	struct header *header = HEADER(frame);
	struct counts *count = counts_of(count_index);
	u32 length = frame->offset;
	barrier_var(length);
	if (!count || length > RECORD_MAX || length < sizeof(*header))
		return;
	header->length = length;
	u64 used = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA);
	u64 wake = used > settings->wake_bytes ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
	if (ring_has_room(used, settings, header->kind) && bpf_ringbuf_output(&events, header, length, wake) == 0)
		count->sent += 1;
	else
		count->dropped += 1;
}

#endif
