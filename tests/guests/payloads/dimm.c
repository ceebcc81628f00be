/* Page tables in memory that is not the guest's own block: a DIMM at 4 GiB */
#include "lib.h"
const u32 boot_2m=0, boot_leaf=7;
#define DIMM 0x100000000ull
#define VA 0x80000000ull                 /* PDPT[2], its tables in the DIMM */
static u32 seed=7;
static u32 rnd(void){ seed=seed*1103515245u+12345u; return seed>>8; }
void pf_c(u64 cr2,u64 err,u64*fr){
  npf++; mix((u32)cr2); mix((u32)err); u64 p=DIMM+0x2000+((cr2>>12)&511)*8; wr64(p,(0x1800000+((cr2>>12&511)<<12))|7); invlpg(cr2);
}
void main(void){
  idt_init();
  for(u32 i=0;i<512;i++) wr64(0x2400000+i*8,0);
  wr64(0x201000+32,0x2400003); for(u32 i=0;i<32;i++) wr64(0x2400000+i*8,DIMM+((u64)i<<21)|0x83);   /* the DIMM, in 2 MiB pages */
  set_cr3(get_cr3());
  CK(1);
  for(u32 i=0;i<2*512;i++) wr64(DIMM+0x1000+i*8,0);
  wr64(DIMM+0x1000,(DIMM+0x2000)|7); wr64(0x201000+16,(DIMM+0x1000)|7);
  for(u32 n=0;n<600;n++){
    u64 va=VA+((u64)(rnd()%64)<<12), p=DIMM+0x2000+((va>>12)&511)*8; u32 op=rnd()%6;
    if(op<2) wr8(va+n,(u8)n); else if(op<4) mix(rd8(va+(rnd()&0xfff)));
    else if(op<5){ wr64(p,0); invlpg(va); } else { wr64(p,(DIMM+0x400000+((u64)(rnd()%64)<<12))|7); invlpg(va); }
  }
  CK(2);
  put_hex(npf); put_hex(sum);
}
