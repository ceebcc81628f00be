/* A guest of a guest that gets to a device: through its hypervisor's tables, then, read-only there, not any more, and does
   not try again; and that says VMRUN itself, which its hypervisor gets */
#include "nsvm.h"
const u32 boot_2m=0, boot_leaf=3;
#define A 0x300000ull
#define NPT(g) (A+0x3000+((g)>>21<<12)+(((g)>>12)&511)*8)
#define DEVICE 0x805000ull
static int l2_npf(u64 gpa,u64 err){ return 1; }
static int l2_pf(u64 va,u64 err){ return 1; }
void pf_c(u64 cr2,u64 err,u64*fr){ die(0x41); }
void l2_vmrun(void);
__asm__(".text\nl2_vmrun:\n mov $0x3E0000,%eax\n vmrun\n ret\n");
static void go(void){
  C(END,0,0); ncmd=0;
  for(;;){
    in_l2=1; vmrun_asm(); in_l2=0; n_run++;
    mix((u32)vEXIT);
    if(vEXIT==0x81){ vRIP+=3; return; }
    if(vEXIT==0x80){ n_pf++; vRIP+=3; continue; }
    if(vEXIT!=0x400) die(0x44);
    n_npf++; mix((u32)vINFO1); mix((u32)(vINFO1>>32)); mix((u32)vINFO2);
    cmds[0].op=END; vRIP=(u64)l2_main; vRSP=0x1DFFF8;              /* it goes on elsewhere */
  }
}
void main(void){
  idt_init();
  for(u64 i=0;i<11*512;i++) wr64(A+i*8,0);
  wr64(A,(A+0x1000)|7); wr64(A+0x1000,(A+0x2000)|7);
  for(u64 g=0;g<0xA00000;g+=0x200000) wr64(A+0x2000+(g>>21)*8,(A+0x3000+(g>>21<<12))|7);
  for(u64 g=0x100000;g<0x200000;g+=0x1000) wr64(NPT(g),g|7);
  for(u64 g=0x400000;g<0x420000;g+=0x1000) wr64(NPT(g),(g+0x1000000)|7);
  for(u64 g=0x800000;g<0x880000;g+=0x1000) wr64(NPT(g),(g+0x1000000)|7);
  for(u64 i=0;i<3*512;i++) wr64(0x1400000+i*8,0);
  wr64(0x1400000,0x401003); wr64(0x1401000,0x402003);
  for(u64 i=0;i<8;i++) wr64(0x1402000+i*8,(0x403000+i*0x1000)|3);
  for(u64 i=0;i<8*512;i++) wr64(0x1403000+i*8,i*0x1000|3);
  svm_init(0x1D00,1,A,0x400000);
  CK(1);
  for(u32 k=0;k<4;k++){
    wr64(NPT(DEVICE),0xFEE00007); vTLB=1;
    for(u32 i=0;i<8;i++){ C(W8,0x810000+i*0x1000,i); C(R8,DEVICE+0x30+i*0x10,0); }
    C(CALL,(u64)l2_vmrun,0); C(W8,DEVICE+0x80,0); go(); CK(2);
    wr64(NPT(DEVICE),0xFEE00005); vTLB=1;
    C(R8,DEVICE+0x30,0); C(W8,DEVICE+0x80,0); go(); CK(3);
    for(u32 i=0;i<40;i++) C(R8,0x810000+(i&7)*0x1000,0);
    go();
  }
  finish();
}
