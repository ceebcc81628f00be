/* Pages that were tables become data, and tables again: what is stored to them meanwhile is no edit of a table */
#include "lib.h"
const u32 boot_2m=0, boot_leaf=3;
#define VA 0x40000000ull                 /* its own PD at PDPT[1] */
#define PD 0x300000ull
static u32 seed=1;
static u32 rnd(void){ seed=seed*1103515245u+12345u; return seed>>8; }
void pf_c(u64 cr2,u64 err,u64*fr){ npf++; die(0x41); }
static u64 page(u32 i){ return 0x400000+(u64)i*0x1000; }
void main(void){
  idt_init();
  for(u32 i=0;i<512;i++) wr64(PD+i*8,0);
  wr64(0x201000+8,PD|7);
  CK(1);
  for(u32 n=0;n<60;n++){
    u32 t=rnd()%8; u64 a=page(t);
    for(u32 i=0;i<512;i++) wr64(a+i*8,(0x1000000+((u64)(rnd()%4096)<<12))|3);   /* a table is filled, */
    wr64(PD+t*8,a|3);                                                            /* linked, */
    for(u32 i=0;i<40;i++) mix(rd8(VA+((u64)t<<21)+((u64)(rnd()%512)<<12)));      /* used, */
    if(n%3==0) for(u32 i=0;i<100;i++){ wr64(a+i*8,0); wr64(a+i*8,(0x1000000+((u64)(rnd()%4096)<<12))|3); } /* edited while linked, */
    set_cr3(get_cr3());
    mix(rd8(VA+((u64)t<<21)+((u64)(rnd()%100)<<12)));
    if(n%4!=1){
      wr64(PD+t*8,0); set_cr3(get_cr3());                                        /* unlinked, */
      for(u32 r=0;r<3;r++) for(u32 i=0;i<512;i++) wr64(a+i*8,rnd());             /* and memory for a while */
      for(u32 i=0;i<512;i+=7) mix(rd32(a+i*8));
    }
  }
  CK(2);
  put_hex(sum);
}
