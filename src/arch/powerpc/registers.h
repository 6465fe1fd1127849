/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registers that a debugger gets, in the order that it gets them in: one list for who describes them (gdb.c, on any host)
 * and for who knows where KVM has them (kvm_registers.c, whose headers only a Power host has).
 *
 * X(name, width, where, place, access, cores, type)
 *   width:  WORD (that of general registers), W32, W64
 *   where:  REGS, SREGS (members of KVM's structures), ONE (KVM_REG_PPC_...)
 *   access: RW, RO
 *   cores:  ALL, HV (those with a hypervisor mode: e500mc and up), B64 (of 64 bits)
 *
 * The names are those of Book III-E and of the cores' manuals, but for mas7_3, which is MAS7 over MAS3, and tb, TBU over TBL.
 * USPRG0 is RO because KVM loses what is set: at the end of the call it takes the processor's for the guest's.
 * KVM for these cores shows nobody SPE's upper halves, ACC and SPEFSCR; DSRR0 and DSRR1; DBSR, DBCR0 to DBCR2; MCIVPR.
 */
#ifndef IOL_PPC_REGISTERS_H
#define IOL_PPC_REGISTERS_H

#define IOL_PPC_GPR(X, n) X(r##n, WORD, REGS, gpr[n], RW, ALL, NULL)
#define IOL_PPC_GPRS_4(X, a, b, c, d) \
	IOL_PPC_GPR(X, a)             \
	IOL_PPC_GPR(X, b)             \
	IOL_PPC_GPR(X, c)             \
	IOL_PPC_GPR(X, d)

/* "org.gnu.gdb.power.core" */
#define IOL_PPC_CORE_REGISTERS(X)                  \
	IOL_PPC_GPRS_4(X, 0, 1, 2, 3)              \
	IOL_PPC_GPRS_4(X, 4, 5, 6, 7)              \
	IOL_PPC_GPRS_4(X, 8, 9, 10, 11)            \
	IOL_PPC_GPRS_4(X, 12, 13, 14, 15)          \
	IOL_PPC_GPRS_4(X, 16, 17, 18, 19)          \
	IOL_PPC_GPRS_4(X, 20, 21, 22, 23)          \
	IOL_PPC_GPRS_4(X, 24, 25, 26, 27)          \
	IOL_PPC_GPRS_4(X, 28, 29, 30, 31)          \
	X(pc, WORD, REGS, pc, RW, ALL, "code_ptr") \
	X(msr, WORD, REGS, msr, RW, ALL, NULL)     \
	X(cr, W32, REGS, cr, RW, ALL, NULL)        \
	X(lr, WORD, REGS, lr, RW, ALL, "code_ptr") \
	X(ctr, WORD, REGS, ctr, RW, ALL, NULL)     \
	X(xer, W32, REGS, xer, RW, ALL, NULL)

#define IOL_PPC_FPR(X, n) X(f##n, W64, ONE, FPR(n), RW, ALL, "ieee_double")
#define IOL_PPC_FPRS_4(X, a, b, c, d) \
	IOL_PPC_FPR(X, a)             \
	IOL_PPC_FPR(X, b)             \
	IOL_PPC_FPR(X, c)             \
	IOL_PPC_FPR(X, d)

/* "org.gnu.gdb.power.fpu" */
#define IOL_PPC_FPU_REGISTERS(X)          \
	IOL_PPC_FPRS_4(X, 0, 1, 2, 3)     \
	IOL_PPC_FPRS_4(X, 4, 5, 6, 7)     \
	IOL_PPC_FPRS_4(X, 8, 9, 10, 11)   \
	IOL_PPC_FPRS_4(X, 12, 13, 14, 15) \
	IOL_PPC_FPRS_4(X, 16, 17, 18, 19) \
	IOL_PPC_FPRS_4(X, 20, 21, 22, 23) \
	IOL_PPC_FPRS_4(X, 24, 25, 26, 27) \
	IOL_PPC_FPRS_4(X, 28, 29, 30, 31) \
	X(fpscr, W32, ONE, FPSCR, RW, ALL, NULL)

#define IOL_PPC_SPRG(X, n) X(sprg##n, WORD, REGS, sprg##n, RW, ALL, NULL)
#define IOL_PPC_IVOR(X, n) X(ivor##n, W32, SREGS, u.e.ivor_low[n], RW, ALL, NULL)
#define IOL_PPC_IVOR_HIGH(X, n) X(ivor##n, W32, SREGS, u.e.ivor_high[(n)-32], RW, ALL, NULL)

/* "org.iolite.powerpc.system" */
#define IOL_PPC_SYSTEM_REGISTERS(X)                             \
	X(srr0, WORD, REGS, srr0, RW, ALL, "code_ptr")          \
	X(srr1, WORD, REGS, srr1, RW, ALL, NULL)                \
	X(csrr0, WORD, SREGS, u.e.csrr0, RW, ALL, "code_ptr")   \
	X(csrr1, W32, SREGS, u.e.csrr1, RW, ALL, NULL)          \
	X(mcsrr0, WORD, SREGS, u.e.mcsrr0, RW, ALL, "code_ptr") \
	X(mcsrr1, W32, SREGS, u.e.mcsrr1, RW, ALL, NULL)        \
	X(esr, W32, SREGS, u.e.esr, RW, ALL, NULL)              \
	X(dear, WORD, SREGS, u.e.dear, RW, ALL, "data_ptr")     \
	X(mcsr, W32, SREGS, u.e.mcsr, RW, ALL, NULL)            \
	X(mcar, W64, SREGS, u.e.impl.fsl.mcar, RO, ALL, NULL)   \
	X(tsr, W32, SREGS, u.e.tsr, RW, ALL, NULL)              \
	X(tcr, W32, SREGS, u.e.tcr, RW, ALL, NULL)              \
	X(dec, W32, SREGS, u.e.dec, RW, ALL, NULL)              \
	X(decar, W32, SREGS, u.e.decar, RW, ALL, NULL)          \
	X(tb, W64, SREGS, u.e.tb, RO, ALL, NULL)                \
	X(pid, W32, REGS, pid, RW, ALL, NULL)                   \
	X(pir, W32, SREGS, u.e.pir, RO, ALL, NULL)              \
	X(pvr, W32, SREGS, pvr, RO, ALL, NULL)                  \
	X(svr, W32, SREGS, u.e.impl.fsl.svr, RO, ALL, NULL)     \
	X(hid0, W32, SREGS, u.e.impl.fsl.hid0, RW, ALL, NULL)   \
	IOL_PPC_SPRG(X, 0)                                      \
	IOL_PPC_SPRG(X, 1)                                      \
	IOL_PPC_SPRG(X, 2)                                      \
	IOL_PPC_SPRG(X, 3)                                      \
	IOL_PPC_SPRG(X, 4)                                      \
	IOL_PPC_SPRG(X, 5)                                      \
	IOL_PPC_SPRG(X, 6)                                      \
	IOL_PPC_SPRG(X, 7)                                      \
	X(sprg9, WORD, ONE, SPRG9, RW, HV, NULL)                \
	X(usprg0, W32, SREGS, u.e.vrsave, RO, ALL, NULL)        \
	X(mas0, W32, SREGS, u.e.mas0, RW, ALL, NULL)            \
	X(mas1, W32, SREGS, u.e.mas1, RW, ALL, NULL)            \
	X(mas2, WORD, SREGS, u.e.mas2, RW, ALL, NULL)           \
	X(mas7_3, W64, SREGS, u.e.mas7_3, RW, ALL, NULL)        \
	X(mas4, W32, SREGS, u.e.mas4, RW, ALL, NULL)            \
	X(mas6, W32, SREGS, u.e.mas6, RW, ALL, NULL)            \
	X(mmucfg, W32, SREGS, u.e.mmucfg, RO, ALL, NULL)        \
	X(tlb0cfg, W32, SREGS, u.e.tlbcfg[0], RO, ALL, NULL)    \
	X(tlb1cfg, W32, SREGS, u.e.tlbcfg[1], RO, ALL, NULL)    \
	X(ivpr, WORD, SREGS, u.e.ivpr, RW, ALL, NULL)           \
	IOL_PPC_IVOR(X, 0)                                      \
	IOL_PPC_IVOR(X, 1)                                      \
	IOL_PPC_IVOR(X, 2)                                      \
	IOL_PPC_IVOR(X, 3)                                      \
	IOL_PPC_IVOR(X, 4)                                      \
	IOL_PPC_IVOR(X, 5)                                      \
	IOL_PPC_IVOR(X, 6)                                      \
	IOL_PPC_IVOR(X, 7)                                      \
	IOL_PPC_IVOR(X, 8)                                      \
	IOL_PPC_IVOR(X, 9)                                      \
	IOL_PPC_IVOR(X, 10)                                     \
	IOL_PPC_IVOR(X, 11)                                     \
	IOL_PPC_IVOR(X, 12)                                     \
	IOL_PPC_IVOR(X, 13)                                     \
	IOL_PPC_IVOR(X, 14)                                     \
	IOL_PPC_IVOR(X, 15)                                     \
	IOL_PPC_IVOR_HIGH(X, 32)                                \
	IOL_PPC_IVOR_HIGH(X, 33)                                \
	IOL_PPC_IVOR_HIGH(X, 34)                                \
	IOL_PPC_IVOR_HIGH(X, 35)                                \
	IOL_PPC_IVOR_HIGH(X, 36)                                \
	IOL_PPC_IVOR_HIGH(X, 37)                                \
	X(iac1, WORD, ONE, IAC1, RW, ALL, "code_ptr")           \
	X(iac2, WORD, ONE, IAC2, RW, ALL, "code_ptr")           \
	X(dac1, WORD, ONE, DAC1, RW, ALL, "data_ptr")           \
	X(dac2, WORD, ONE, DAC2, RW, ALL, "data_ptr")           \
	X(epr, W32, ONE, EPR, RW, ALL, NULL)                    \
	X(epcr, W32, ONE, EPCR, RW, B64, NULL)

#define IOL_PPC_REGISTERS(X)      \
	IOL_PPC_CORE_REGISTERS(X) \
	IOL_PPC_FPU_REGISTERS(X)  \
	IOL_PPC_SYSTEM_REGISTERS(X)

#endif
